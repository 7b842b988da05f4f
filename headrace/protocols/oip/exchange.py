"""One inference over HTTP, from its headers to the bytes of its answer. Knows no connection."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from headrace.errors import HeadraceError, Internal, MemoryFull
from headrace.gateway.bundles import Parted
from headrace.generation import Generated
from headrace.large_memory import fill, room
from headrace.protocols.beside import takes_long
from headrace.protocols.bodies import UNCOUNTED_BYTES, UNTAKEN
from headrace.protocols.compression import LITTLE_BYTES, choose, compress, decompress
from headrace.protocols.http_error import body_too_large, http_error
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.head import Head, body_bytes_of
from headrace.protocols.oip.long_answer import lasting
from headrace.protocols.oip.long_answer import takes_long as takes_long_to_write
from headrace.protocols.oip.rest import most_tensors, read_by, read_request, write_response
from headrace.protocols.oip.unary import whole
from headrace.protocols.oip.wanted import Wanted
from headrace.protocols.request_id import ANTHROPICS, HEADER, refused, shown
from headrace.protocols.spent import cache_lines, cost_line, generation_headers, run_lines
from headrace.types import Buffer, Context, Request, Response

log = logging.getLogger(__name__)

LARGE_BYTES = 8192  # of a body, that takes longer to read than to say whether it would be in time
_OWN_PAGES_BYTES = 8 << 20
"""Of a body: from here on it is one piece, so large that its memory is given back at once. Where its length is known
it is filled as it comes."""

_MOST_PARTS = 256  # of a body: more are put together as they come, for a small one takes many times what it holds
_LEAST_COMPRESSED_BYTES = 1024  # below, a smaller body saves no packet
_UNSAID = Wanted(None, False, {})


class Answer(NamedTuple):
    """What is written: a status, header lines each with its line end, and the body in parts.

    The parts lie where the model's answer does: they must be copied before the call that hands them over ends.
    """

    status: int
    headers: bytes
    parts: list[Buffer]


class Exchange:
    """A request that is being received, runs, or is answered.

    It stands where uvicorn keeps its own request-response cycles, which is why `response_complete`, `keep_alive` and
    `disconnected` are called so. `answered` is called once, unless the exchange is abandoned first.
    """

    __slots__ = (
        "_alone",
        "_answered",
        "_arrived_ns",
        "_cancel",
        "_counted",
        "_error",
        "_front",
        "_head",
        "_id",
        "_parts",
        "_rest",
        "_size",
        "_wanted",
        "current",
        "disconnected",
        "keep_alive",
        "received",
        "response_complete",
    )

    def __init__(self, front: Front, head: Head, answered: Callable[["Exchange", Answer], None]) -> None:
        self.current = False  # all earlier ones of the connection are answered
        self.received = False  # the body is whole
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = head.keep_alive
        self._arrived_ns = front.clock.now_ns()  # its headers are read; a body that is slow to come takes of its time
        self._alone = False  # it is not to wait for others to be asked with
        self._front = front
        self._head = head
        self._id = head.request_id
        self._answered = answered
        self._error = head.error
        self._cancel: Callable[[], object] | None = None  # of what is done for it now
        self._wanted = _UNSAID
        self._parts: list[Buffer] = []
        self._rest: memoryview | None = None  # of the memory for all of the body, what is yet to come
        self._size = self._counted = 0

    @property
    def wants_continue(self) -> bool:
        """The client waits to be told before it sends the body."""
        return self._head.wants_continue

    def hopeless(self) -> HeadraceError | None:
        """Why a client that holds its body back need not send it, as its head alone says; None where it may."""
        head = self._head
        if not head.wants_continue:
            return None
        if self._error is None:
            try:
                self._front.registry.route(head.model, head.context(self._arrived_ns))
            except HeadraceError as error:
                return error
        return self._error

    def receive(self, part: Buffer) -> None:
        """Take a part of the body. Raises BodyTooLarge as soon as it is over the limit, MemoryFull where all are."""
        before = self._size
        self._size += len(part)
        if self._size > self._front.max_body_bytes:
            raise body_too_large(self._front.max_body_bytes)
        if self._size > UNCOUNTED_BYTES:
            self._counted = self._front.bodies.grown(self._counted, self._size)
        if self._rest is not None:
            self._rest = fill(self._rest, (part,))
            return
        parts = self._parts
        if before < _OWN_PAGES_BYTES <= self._size:
            self._take_in_one_piece((*parts, part))
            return
        if parts and isinstance(parts[0], bytearray):
            parts[0] += part
            return
        parts.append(part)
        if len(parts) == _MOST_PARTS:
            self._parts = [bytearray().join(parts)]

    def _take_in_one_piece(self, parts: Sequence[Buffer]) -> None:
        """Raises MemoryFull where there is no memory for all of the body."""
        whole = body_bytes_of(self._head.headers)
        if whole is None:
            self._parts = [bytearray().join(parts)]
            return
        try:
            memory = room(whole)
        except MemoryError as error:
            raise MemoryFull(f"there is no memory for a body of {whole} bytes", retry_after_s=1) from error
        self._parts, self._rest = [memory], fill(memory, parts)

    def receive_whole(self, body: Buffer, alone: bool = False) -> None:
        """Take a body that is whole and known to be within the limit; it is asked `alone` if that is said."""
        self._alone = alone
        self._parts = [body]
        self._size = len(body)
        self.received = True

    def resume(self, arrived_ns: int, id_: str, body: Buffer, wanted: Wanted) -> None:
        """Stand for a request that came then, has this id, and was to be asked with others."""
        self.receive_whole(body, alone=True)
        self._arrived_ns, self._id, self._wanted = arrived_ns, id_, wanted
        self.current = True

    def refuse(self, error: HeadraceError) -> None:
        """The body ends here, and this is the answer once it is this exchange's turn."""
        self._error = error
        self._parts, self._rest = [], None
        self._give_back()
        self.received = True

    def run(self) -> None:
        """Hand the request on, now that it is whole and its turn; the answer may come before this returns."""
        try:
            front, head = self._front, self._head
            self._name()
            if self._error is not None:
                self._unread(head.context(self._arrived_ns), self._error)
                return
            if self._size > LARGE_BYTES and front.gateway.refuses(self._arrived_ns):
                self._foresee(head.context(self._arrived_ns))
            parts, self._parts, self._rest = self._parts, [], None
            body: Buffer = parts[0] if len(parts) == 1 else b"".join(parts)
        except HeadraceError as error:
            self.reply(error)
        except Exception:
            self.reply(_fault("reading a request failed"))
        else:
            if head.content_encoding:
                self._unpack(head.context(self._arrived_ns), body)
            else:
                self._read(body)

    def reply(self, answer: Response | HeadraceError) -> None:
        """Take the model's answer; the first is the only one that HTTP has room for."""
        if self.response_complete or self.disconnected:
            return
        if isinstance(answer, Response) and takes_long_to_write(answer, self._wanted, bool(self._packing())):
            write = partial(self._written, lasting(answer))
            self._cancel = self._front.beside.unpack(write, self._finish)
        else:
            self._finish(partial(self._written, answer))

    def abandon(self) -> None:
        """The client is gone: nothing is answered, and what has not run does not."""
        self.disconnected = True
        self._parts, self._rest = [], None
        self._give_back()
        if self._cancel is not None:
            cancel, self._cancel = self._cancel, None
            cancel()

    def _finish(self, write: Callable[[], Answer]) -> None:
        """Answer with what is written, unless the client has gone meanwhile."""
        if self.disconnected:
            return
        written = write()
        self.response_complete = True
        self._cancel = None
        self._give_back()
        self._answered(self, written)

    def _give_back(self) -> None:
        """What is counted of the body."""
        counted, self._counted = self._counted, 0
        if counted:
            self._front.bodies.over(counted)

    def _unpack(self, context: Context, body: Buffer) -> None:
        """Have the body as it was before it was compressed, and the request read out of it."""
        unpack = partial(decompress, body, self._head.content_encoding, self._front.max_body_bytes)
        if len(body) > LITTLE_BYTES:
            self._cancel = self._front.beside.unpack(unpack, partial(self._unpacked, context))
        else:
            self._unpacked(context, unpack)

    def _unpacked(self, context: Context, unpack: Callable[[], Buffer]) -> None:
        self._cancel = None
        if self.disconnected:
            return
        try:
            body = unpack()
            self._counted = self._front.bodies.grown(self._counted, len(body))
        except HeadraceError as error:
            self._unread(context, error)
        except Exception:
            self._unread(context, _fault("unpacking a request failed"))
        else:
            self._read(body)

    def _read(self, body: Buffer) -> None:
        """Have the request read, by what was read before if it can be; and asked with others if that may be."""
        front, head, view = self._front, self._head, memoryview(body)
        template = front.templates.fitting(head.json_bytes, view)
        if template is None:
            self._read_anew(head.context(self._arrived_ns), body)
            return
        if head.plain and not self._alone:
            line = template.line(head.model, front.line)
            if line.takes(self._arrived_ns):
                self._wanted, self._parts = template.wanted, [body]
                self._cancel = line.hold(self, self._id, self._arrived_ns, template.contents(view[head.json_bytes :]))
                return
        self._submit(*read_by(template, head, view, head.context(self._arrived_ns), self._id))

    def told(self, answer: Parted, place: int) -> None:
        """Take the answer, among those of others that were asked with this."""
        self.reply(answer.response(place))

    def ask_alone(self) -> None:
        """It was to be asked with others, and is not."""
        self._cancel = None
        self._alone = True
        (body,), self._parts = self._parts, []
        self._read(body)

    def _read_anew(self, context: Context, body: Buffer) -> None:
        """Have the request read, on a thread where all others would have to wait for that."""
        read, go_on = partial(self._parsed, context, body), partial(self._go_on, context)
        said = memoryview(body)[: self._head.json_bytes]
        if takes_long(said, len(body), most_tensors(said), self._front.regions.longest_bytes):
            self._cancel = self._front.beside.read(read, go_on)
        else:
            go_on(read)

    def _parsed(self, context: Context, body: Buffer) -> tuple[Request, Wanted]:
        front, head = self._front, self._head
        return read_request(head, memoryview(body), context, front.registry, front.regions, front.templates, self._id)

    def _go_on(self, context: Context, read: Callable[[], tuple[Request, Wanted]]) -> None:
        """Hand on what is read, unless the client has gone meanwhile."""
        self._cancel = None
        if self.disconnected:
            return
        try:
            request, wanted = read()
        except HeadraceError as error:
            self._unread(context, error)
        except Exception:
            self._unread(context, _fault("reading a request failed"))
        else:
            self._submit(request, wanted)

    def _submit(self, request: Request, wanted: Wanted) -> None:
        self._wanted = wanted
        self._id = request.id
        cancel = self._front.gateway.submit(request, self.reply)
        if not self.response_complete and self._cancel is None:  # else the answer is being written
            self._cancel = cancel

    def _name(self) -> None:
        """It has an id from now on, its client's or one of its own."""
        if not self._id:
            self._id = self._head.trace[3:35] or self._front.ids()

    def _unread(self, context: Context, error: HeadraceError) -> None:
        """What cannot be read is recorded as that; what has no model may have been meant for any route."""
        if self._head.model.name:
            self._front.gateway.unread(self._id, self._head.model, context, error)
        self.reply(error)

    def _foresee(self, context: Context) -> None:
        """Raises why it is refused unread: overloaded servers have no time for what they will not answer."""
        unread = self._front.gateway.foresee(self._head.model, context, self._id)
        if unread is not None:
            raise unread

    def _refused(self, answer: Response | HeadraceError) -> HeadraceError:
        """Why there is no answer; what comes in parts is cancelled."""
        refused = whole(answer)
        if refused is not answer and self._cancel is not None:
            self._cancel()
        assert isinstance(refused, HeadraceError)
        return refused

    def _written(self, answer: Response | HeadraceError) -> Answer:
        """The answer, or why it cannot be written."""
        try:
            if isinstance(answer, Response) and answer.final:
                return self._write(answer)
            return self._refusal(self._refused(answer))
        except HeadraceError as error:
            return self._refusal(error)
        except Exception:
            return self._refusal(_fault("writing an answer failed"))

    def _packing(self) -> str:
        """How it is compressed, if it is."""
        return choose(self._head.accept_encoding) if self._head.accept_encoding else ""

    def _write(self, response: Response) -> Answer:
        body = write_response(response, self._wanted, self._front.regions)
        headers = body.headers
        parts = [body.json, *body.more, *body.tensors]
        encoding = self._packing()
        if encoding and sum(map(len, parts)) >= _LEAST_COMPRESSED_BYTES:
            parts = [compress(parts, encoding)]
            headers += b"content-encoding: %b\r\n" % encoding.encode()
        if self._front.untaken.full and sum(map(len, parts)) > UNCOUNTED_BYTES:
            raise MemoryFull(UNTAKEN, retry_after_s=1)
        if self._front.usd_per_ns:
            headers += cost_line(response.device_ns, self._front.usd_per_ns)
        if response.batch is not None:
            headers += run_lines(response.batch, self._arrived_ns)
        elif isinstance(response.result, Generated):
            elapsed_ns = self._front.clock.now_ns() - self._arrived_ns
            headers += _lines(generation_headers(response.result, elapsed_ns, ended=True))
        if response.cache is not None:
            headers += cache_lines(response.cache)
        return Answer(200, headers + _echo(self._id), parts)

    def _refusal(self, error: HeadraceError) -> Answer:
        status, body, said = refused(http_error(error), self._id)
        headers = b"content-type: application/json\r\n" + _lines(said) + _echo(self._id)
        if not self._head.model.name:  # nobody knows whose route it is
            headers += _echo(self._id, ANTHROPICS)
        return Answer(status, headers, [body])


def _echo(id_: str, header: str = HEADER) -> bytes:
    return b"%b: %b\r\n" % (header.encode(), shown(id_).encode())


def _lines(headers: Mapping[str, str]) -> bytes:
    return b"".join([b"%b: %b\r\n" % (name.encode(), value.encode()) for name, value in headers.items()])


def _fault(what: str) -> Internal:
    log.exception("%s", what)
    return Internal("the server failed on this request; its log says why")
