"""An inference that comes over gRPC on one connection again and again, with other tensors: asked at little cost.

Nothing of its message is read but its id, and what it is answered is put together once for all that were asked with it,
but for tensors, id and time.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from headrace.gateway.bundles import Parted
from headrace.protocols.grpc.messages import PREFIX, PREFIX_BYTES
from headrace.protocols.grpc.method import AgainCall, Call
from headrace.protocols.grpc.status import OK, header_name, status_block
from headrace.protocols.http2.header_blocks import coded_text
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.grpc_call import Said, named
from headrace.protocols.oip.grpc_messages import Wanted
from headrace.protocols.oip.grpc_raw import Cut, Form, contents_tag, id_field
from headrace.protocols.oip.grpc_repeated import Kept
from headrace.protocols.oip.grpc_spent import Spent
from headrace.protocols.oip.together import Line
from headrace.protocols.request_id import HEADER, shown
from headrace.protocols.spent import QUEUE_MS, queue_ms
from headrace.types import Buffer, Response

_ENDED_WELL = status_block(OK)
_QUEUE = header_name(QUEUE_MS)
_ID = header_name(HEADER)


class One(Protocol):
    """What asks and answers a call by itself."""

    def ask(self, parts: Cut, call: Call, head: Said, now_ns: int, names: tuple[str, str]) -> None: ...

    def answer(self, told: Response, parts: Cut, call: Call, now_ns: int, id_: str, wanted: Wanted) -> None: ...


class Means(NamedTuple):
    """With what they are asked and answered."""

    front: Front
    one: One
    kept: Kept
    spent: Spent


class Again:
    """Those of one form on one connection."""

    __slots__ = ("_head", "_id_at", "_ids", "_line", "_means", "_now_ns", "_rest", "spans")

    def __init__(self, means: Means, form: Form, line: Line, head: Said) -> None:
        """`head` is what the metadata of all says, which is nothing of one request alone."""
        id_span = form.request_id
        has_id = id_span[0] < id_span[1]
        self.spans = sorted([*form.raw, id_span] if has_id else form.raw)
        self._id_at = self.spans.index(id_span) if has_id else None
        self._rest = form.rest
        self._line = line
        self._head = head
        self._means = means
        self._ids = means.front.ids
        self._now_ns = means.front.clock.now_ns

    def serve(self, call: AgainCall, parts: tuple[bytes, ...]) -> None:
        """Begin to answer one, which has these bytes at `spans`."""
        now_ns = self._now_ns()
        if self._id_at is not None:
            self._serve_named(call, parts, self._id_at, now_ns)
            return
        id_ = self._ids()
        if self._line.takes(now_ns):
            call.when_left(self._line.hold(_Asker(self, call, now_ns, id_, parts), id_, now_ns, parts))
        else:
            self.ask_alone(call, Cut(self._rest, parts), now_ns, id_)

    def _serve_named(self, call: AgainCall, parts: tuple[bytes, ...], id_at: int, now_ns: int) -> None:
        """One whose message has an id."""
        sent, contents = parts[id_at], parts[:id_at] + parts[id_at + 1 :]
        try:
            request_id = sent.decode()
        except UnicodeDecodeError:  # for which protobuf has words
            self.ask_alone(call, Cut(self._rest + id_field(sent), contents), now_ns, self._ids())
            return
        id_, _ = named(self._head, request_id, self._ids)
        if self._line.takes(now_ns):
            asker = _Asker(self, call, now_ns, id_, contents)
            asker.request_id = request_id
            call.when_left(self._line.hold(asker, id_, now_ns, contents))
        else:
            self.ask_alone(call, Cut(self._rest, contents, request_id), now_ns, id_)

    def ask_alone(self, call: Call, parts: Cut, now_ns: int, id_: str) -> None:
        """Have it asked by itself."""
        self._means.one.ask(parts, call, self._head, now_ns, (id_, ""))

    def cut(self, contents: Sequence[bytes], request_id: str) -> Cut:
        """The message with these contents."""
        return Cut(self._rest, contents, request_id)

    def answer(self, answer: Response, parts: Cut, call: Call, now_ns: int, id_: str) -> None:
        """Tell one its answer where that is not like others."""
        self._means.one.answer(answer, parts, call, now_ns, id_, {})

    def alike(self, answer: Parted) -> tuple[bytes, ...] | None:
        """What all the answers have in common: the headers behind them up to the time that each waited, the message up
        to its first contents, and what is before each of the others.

        Kept with the answer, for the others. None where each has to be found words for.
        """
        try:
            first = answer.response(0)
            headers = self._means.spent.alike(first)
            if headers is None or first.parameters or not first.outputs:
                return None
            sizes = [len(each.data) for each in first.outputs]
            begin, *tags = map(contents_tag, sizes)
            begin = self._means.kept.head(first) + begin
            size = len(begin) + sum(map(len, tags)) + sum(sizes)
            answer.alike = (_ENDED_WELL + headers + _QUEUE, PREFIX.pack(0, size) + begin, *tags)
        except Exception:
            return None
        return answer.alike


class _Asker:
    """One whose request is asked with others."""

    request_id = ""  # in its message

    def __init__(self, again: Again, call: AgainCall, arrived_ns: int, id_: str, contents: tuple[bytes, ...]) -> None:
        self._again = again
        self._call = call
        self._arrived_ns = arrived_ns
        self._id = id_
        self._contents = contents

    def told(self, answer: Parted, place: int) -> None:
        alike = answer.alike or self._again.alike(answer)
        if alike is None:
            self._again.answer(answer.response(place), self._cut(), self._call, self._arrived_ns, self._id)
            return
        waited = b"%.3f" % queue_ms(answer.started_ns, self._arrived_ns)
        contents = answer.contents[place]
        framed = alike[1] + contents[0] if len(contents) == 1 else _interleaved(alike, contents)
        if self.request_id:
            framed, id_ = _with_id(framed, self.request_id), coded_text(shown(self._id).encode())
        else:
            id_ = b"%c%b" % (len(self._id), self._id.encode())
        self._call.finish_framed(framed, b"%b%c%b%b%b" % (alike[0], len(waited), waited, _ID, id_))

    def ask_alone(self) -> None:
        self._again.ask_alone(self._call, self._cut(), self._arrived_ns, self._id)

    def _cut(self) -> Cut:
        return self._again.cut(self._contents, self.request_id)


def _interleaved(alike: tuple[bytes, ...], contents: tuple[Buffer, ...]) -> bytes:
    """A message but for its id, of what is alike, and contents; it is a copy of these."""
    return b"".join([part for pair in zip(alike[1:], contents, strict=True) for part in pair])


def _with_id(framed: bytes, request_id: str) -> bytes:
    field = id_field(request_id.encode())
    size = len(framed) - PREFIX_BYTES + len(field)
    return b"".join((PREFIX.pack(0, size), framed[PREFIX_BYTES:], field))
