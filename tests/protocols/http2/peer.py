"""The client's end of a connection, without sockets: the test writes bytes and reads the frames that come back."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.again import Again
from headrace.protocols.http2.connection import Connection
from headrace.protocols.http2.header_blocks import Headers, literal
from headrace.protocols.http2.limits import Limits
from headrace.protocols.http2.line import Line
from headrace.protocols.http2.reader import READ_BYTES
from headrace.protocols.http2.requests import split
from headrace.protocols.http2.shared import Shared, Unsent
from headrace.protocols.http2.stream import Stream
from headrace.types import Buffer

REQUEST = b"".join(
    literal(*header) for header in ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a"), (b"x", b"y"))
)


class Frame(NamedTuple):
    kind: int
    flags: int
    number: int
    payload: bytes


class FakeLoop:
    """Time stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.later: list[Callable[[], object]] = []
        self.soon: list[Callable[[], object]] = []

    def turn(self) -> None:
        """What was to be called soon is called."""
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.soon.append(callback)

    def call_later(self, delay: float, callback: Callable[[], object]) -> None:
        self.later.append(callback)


class FakeTransport:
    """Keeps what is written; reports itself full where the test says so."""

    def __init__(self, alpn: str | None = None) -> None:
        self.written = bytearray()
        self.reading = True
        self.state = "open"
        self.buffered = 0
        self.on_write: Callable[[], None] = lambda: None
        self._alpn = alpn

    def write(self, data: Buffer) -> None:
        assert self.state == "open", "written behind the end"
        self.written += data
        self.on_write()

    def writelines(self, list_of_data: Sequence[Buffer]) -> None:
        self.write(b"".join(list_of_data))

    def frames(self) -> list[Frame]:
        """What was written since it was last asked."""
        found, data = [], bytes(self.written)
        self.written.clear()
        while data:
            high, low, kind, flags, number = frames.HEAD.unpack_from(data)
            end = frames.HEAD.size + (high << 8 | low)
            found.append(Frame(kind, flags, number, data[frames.HEAD.size : end]))
            data = data[end:]
        return found

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.state = "half closed"

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def get_extra_info(self, name: str) -> Any:
        return self if name == "ssl_object" and self._alpn is not None else None

    def selected_alpn_protocol(self) -> str | None:
        return self._alpn


class Heard:
    """A receiver that keeps what it is told."""

    def __init__(self, stream: Stream, headers: Headers) -> None:
        self.stream = stream
        self.headers = headers
        self.content = b""
        self.ended = False
        self.at_once = False  # it was begun and received in one
        self.gone = False
        self.times_drained = 0
        self.room: memoryview | None = None
        self._filled = 0

    def receive(self, content: memoryview, ended: bool) -> None:
        assert not self.ended
        self.content += content
        self.ended = ended

    def place(self, size: int) -> memoryview | None:
        self.room = memoryview(bytearray(size))
        return self.room

    def placed(self, count: int, ended: bool) -> None:
        assert self.room is not None
        self.content += self.room[:count]
        self.ended = ended

    def drained(self) -> None:
        self.times_drained += 1

    def left(self) -> None:
        self.gone = True


class HeardAgain:
    """Requests that differ from one in these places; counts them."""

    def __init__(
        self, heard: dict[int, Heard], headers: Headers, content: bytes, spans: Sequence[tuple[int, int]]
    ) -> None:
        self.spans = spans
        self._heard = heard
        self._headers = headers
        self._content = content

    def begin(self, stream: Stream, parts: tuple[bytes, ...]) -> Heard:
        content = bytearray(self._content)
        for (begin, end), part in zip(self.spans, parts, strict=True):
            content[begin:end] = part
        self._heard[stream.number] = heard = Heard(stream, self._headers)
        heard.content, heard.ended, heard.at_once = bytes(content), True, True
        return heard


class Peer:
    """A connection that has said hello, and the application above it."""

    def __init__(
        self,
        limits: Limits = Limits(),  # noqa: B008
        greet: bool = True,
        alpn: str | None = None,
        beside: "Peer | None" = None,
    ) -> None:
        """`beside` is another on the same loop."""
        self.loop: FakeLoop = beside.loop if beside else FakeLoop()
        self.shared: Shared = (
            beside.shared if beside else Shared(memoryview(bytearray(READ_BYTES)), Line(self.loop.call_soon), Unsent())
        )
        self.transport = FakeTransport(alpn)
        self.heard: dict[int, Heard] = {}
        self.lost_count = 0
        self.spans: Sequence[tuple[int, int]] = ()  # where requests that come again may differ
        loop = cast(asyncio.AbstractEventLoop, self.loop)
        self.connection = Connection(self, limits, loop, self.shared, self.loop.time)
        self.connection.connection_made(cast(asyncio.Transport, self.transport))
        if greet:
            self.send(codes.PREFACE + frames.settings({}))
            self.frames()

    # ---- the application

    def read(self, headers: Headers) -> Headers:
        split(headers)
        return headers

    def open(self, stream: Stream, head: Headers) -> Heard:
        self.heard[stream.number] = Heard(stream, head)
        return self.heard[stream.number]

    def again(self, head: Headers, content: bytes) -> Again | None:
        fits = self.spans and self.spans[-1][1] <= len(content)
        return HeardAgain(self.heard, head, content, self.spans) if fits else None

    def connected(self, connection: object) -> None:
        """Nobody asks."""

    def lost(self, connection: object) -> None:
        self.lost_count += 1

    # ---- the client

    def send(self, data: bytes, cuts: int = 1 << 30) -> None:
        """Bytes, in pieces of at most so many, as long as they are read."""
        while data and self.transport.state == "open":
            room = self.connection.get_buffer(-1)
            piece = data[: min(cuts, len(room))]
            room[: len(piece)] = piece
            self.connection.buffer_updated(len(piece))
            data = data[len(piece) :]

    def request(self, number: int = 1, content: bytes | None = None, ended: bool = True) -> Heard:
        """Open a stream."""
        last = codes.END_STREAM if ended else 0
        flags = codes.END_HEADERS | (last if content is None else 0)
        self.send(frames.frame(codes.HEADERS, flags, number, REQUEST))
        if content is not None:
            self.send(frames.frame(codes.DATA, last, number, content))
        return self.heard[number]

    def frames(self) -> list[Frame]:
        """What came back since it was last asked."""
        self.loop.turn()
        return self.transport.frames()

    def goaway(self) -> tuple[int, str]:
        """The code and the words of the GOAWAY that must have come."""
        (frame,) = (each for each in self.frames() if each.kind == codes.GOAWAY)
        return int.from_bytes(frame.payload[4:8]), frame.payload[8:].decode()

    def resets(self) -> dict[int, int]:
        """The codes of RST_STREAMs that came, by their streams."""
        return {each.number: int.from_bytes(each.payload) for each in self.frames() if each.kind == codes.RST_STREAM}


def content(found: list[Frame], number: int = 1) -> bytes:
    return b"".join(each.payload for each in found if each.kind == codes.DATA and each.number == number)
