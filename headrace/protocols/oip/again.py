"""An inference that comes on one connection again and again, with other tensors: asked with others, at little cost.

What a client sends is mostly what it sent before but for tensors, and what it is answered is the same for all that
were asked with it, but for tensors, id and time: nothing is read, or put together, anew. Knows no connection.
"""

from collections.abc import Callable
from typing import NamedTuple

from headrace.gateway.bundles import Parted
from headrace.protocols.compression import choose
from headrace.protocols.oip.exchange import LARGE_BYTES, Answer, Exchange
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.head import Repeated
from headrace.protocols.oip.rest import write_response
from headrace.protocols.oip.templates import Template
from headrace.protocols.spent import cost_line, queue_ms, shared_lines
from headrace.types import Response


class Connection(NamedTuple):
    """What such a request needs of its own."""

    write: Callable[[bytes], None]  # a whole answer, of status 200
    lines: Callable[[], bytes]  # with which the head of each begins, its status among them
    answered: Callable[[Exchange, Answer], None]  # as an exchange asks for it
    replace: Callable[[Exchange], None]  # it stands where the request did from now on


class Again:
    """That request, each time that it is there; between two of them it stands for the last, which is answered.

    Like an `Exchange` it stands where uvicorn keeps its cycles. An exchange takes its place where anything is out of
    the ordinary.
    """

    __slots__ = (
        "_arrived_ns",
        "_cancel",
        "_connection",
        "_data",
        "_front",
        "_gateway",
        "_id",
        "_large",
        "_line",
        "_now_ns",
        "_spans",
        "_template",
        "_write",
        "disconnected",
        "keep_alive",
        "known",
        "num_bytes",
        "raw",
        "response_complete",
    )

    def __init__(self, front: Front, known: Repeated, template: Template, raw: bytes, connection: Connection) -> None:
        """`raw` is what it begins with, each time: its head, and the JSON that `template` was made of."""
        at = len(raw)
        self.known = known  # the head that it comes with; others may come on the connection between
        self.raw = raw
        self.num_bytes = known.num_bytes
        self.keep_alive = self.response_complete = True
        self.disconnected = False
        self._front = front
        self._template = template
        self._connection = connection
        self._write = connection.write
        self._gateway = front.gateway
        self._large = known.num_bytes - len(known.raw) > LARGE_BYTES
        self._line = template.line(known.head.model, front.line)
        self._now_ns = front.clock.now_ns
        self._spans = [(at + each.start, at + each.end) for each in template.inputs]
        self._arrived_ns = 0
        self._id = ""
        self._data = b""
        self._cancel: Callable[[], object] | None = None

    def hold(self, data: bytes) -> bool:
        """Have what arrived asked with others; False where none are likely to come, and it is to be asked alone."""
        arrived_ns, line, gateway = self._now_ns(), self._line, self._gateway
        if gateway.draining or (self._large and gateway.refuses(arrived_ns)) or not line.takes(arrived_ns):
            return False
        view = memoryview(data)
        self._arrived_ns, self._data, self._id = arrived_ns, data, self._front.ids()
        self.response_complete = False
        self._cancel = line.hold(self, self._id, arrived_ns, [view[begin:end] for begin, end in self._spans])
        return True

    def told(self, answer: Parted, place: int) -> None:
        """Take the answer, among those of the others."""
        if self.response_complete:
            return
        alike = answer.alike or self._alike(answer)
        if alike is None or not self.keep_alive or self._front.untaken.full:
            self._replaced().reply(answer.response(place))
            return
        begin, middle, end = alike
        waited = b"%.3f" % queue_ms(answer.started_ns, self._arrived_ns)
        self.response_complete = True
        self._data, self._cancel = b"", None
        self._write(b"".join((begin, waited, middle, self._id.encode(), end, *answer.contents[place])))

    def ask_alone(self) -> None:
        """It was to be asked with others, and is not."""
        self._replaced().run()

    def abandon(self) -> None:
        """The client is gone."""
        self.disconnected = True
        cancel = self._cancel
        self._over()
        if cancel is not None:
            cancel()

    def _alike(self, answer: Parted) -> tuple[bytes, ...] | None:
        """What all the answers have in common: before the time that each waited, after that, and after its id.

        Kept with the answer, for the others. None where an exchange has to find words for it.
        """
        try:
            alike = answer.alike = self._written(answer.response(0))
        except Exception:
            return None
        return alike

    def _written(self, first: Response) -> tuple[bytes, ...] | None:
        front = self._front
        if first.batch is None or first.cache is not None or first.parameters:
            return None
        body = write_response(first, self._template.wanted, front.regions)
        begin = self._connection.lines() + body.headers
        if front.usd_per_ns:
            begin += cost_line(first.device_ns, front.usd_per_ns)
        size = len(body.json) + sum(map(len, body.tensors))
        return (
            begin + b"x-queue-ms: ",
            b"\r\n%bx-request-id: " % shared_lines(first.batch),
            b"\r\ncontent-length: %d\r\n\r\n%b" % (size, body.json),
        )

    def _replaced(self) -> Exchange:
        """An exchange that stands here from now on, and has what came."""
        exchange = Exchange(self._front, self.known.head, self._connection.answered)
        body = memoryview(self._data)[len(self.known.raw) :]
        exchange.resume(self._arrived_ns, self._id, body, self._template.wanted)
        exchange.keep_alive = self.keep_alive
        self._over()
        self._connection.replace(exchange)
        return exchange

    def _over(self) -> None:
        self.response_complete = True
        self._data, self._cancel = b"", None


def again(front: Front, known: Repeated, data: bytes, connection: Connection) -> Again | None:
    """What came with a head that came before, as it may come again; None where it is to be read anew each time."""
    head, begin = known.head, len(known.raw)
    if not head.plain or not head.json_bytes or choose(head.accept_encoding):
        return None
    end = begin + head.json_bytes
    template = front.templates.fitting(head.json_bytes, memoryview(data)[begin:])
    if template is None:
        return None
    return Again(front, known, template, data[:end], connection)
