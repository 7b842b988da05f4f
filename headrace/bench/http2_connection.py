"""One connection of HTTP/2, the client's side: many exchanges at once, flow control both ways. Knows no gRPC."""

import asyncio
import struct
from collections.abc import Callable
from typing import Protocol

from hpack import Decoder
from hpack.exceptions import HPACKError

from headrace.bench import http2_frames as h2
from headrace.bench.hpack_plain import read_plain
from headrace.bench.http2_frames import Frame, FrameReader, NotHttp2, frame

_OWN_SETTINGS = (
    (h2.HEADER_TABLE_SIZE, 0),  # every block of headers stands for itself, so equal ones are read once
    (h2.ENABLE_PUSH, 0),
    (h2.INITIAL_WINDOW_SIZE, h2.LARGEST_WINDOW),
)
_REFILL = 1 << 29
_KEPT_BLOCKS = 256
_CANCEL = struct.pack(">I", 8)
Fields = dict[bytes, bytes]


class Exchange(Protocol):
    """What one stream's answer is handed to."""

    def headers(self, fields: Fields) -> None:
        """Headers, and later trailers."""
        ...

    def piece(self, content: bytes) -> None: ...

    def end(self) -> None:
        """The answer is whole."""
        ...

    def reset(self, code: int) -> None:
        """The server ended this stream alone, with an error's code of HTTP/2."""
        ...

    def lose(self, why: str) -> None:
        """There will be no answer, or no more of it."""
        ...


class Http2Connection(asyncio.Protocol):
    """Owned by a pool, which is told when there is room for another exchange and when the connection is lost."""

    def __init__(self, room: Callable[["Http2Connection"], None], gone: Callable[["Http2Connection"], None]) -> None:
        self.most = 100  # until the server says otherwise
        self.usable = True
        self._room = room
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._out: list[bytes] = []
        self._frames = FrameReader()
        self._decoder = Decoder()
        self._decoder.max_allowed_table_size = 0
        self._decoder.header_table_size = 0
        self._blocks: dict[bytes, Fields] = {}
        self._block = b""  # a block of headers that goes on
        self._block_flags = 0
        self._exchanges: dict[int, Exchange] = {}
        self._next = 1
        self._window = h2.DEFAULT_WINDOW  # bytes that may be sent
        self._stream_window = h2.DEFAULT_WINDOW  # of a new stream
        self._frame_size = h2.DEFAULT_FRAME
        self._blocked: dict[int, _Sending] = {}
        self._received = 0
        self._why = "the server closed the connection"

    @property
    def in_flight(self) -> int:
        return len(self._exchanges)

    def begin(self, headers: bytes, body: bytes, exchange: Exchange) -> int:
        """Send a block of headers and a body; the number of the stream."""
        stream = self._next
        self._next += 2
        if self._next > 1 << 30:
            self.usable = False
        self._exchanges[stream] = exchange
        head = frame(h2.HEADERS, h2.END_HEADERS, stream, headers)
        length = len(body)
        if length <= self._frame_size and length <= self._window and length <= self._stream_window:
            self._window -= length
            self._write(head + frame(h2.DATA, h2.END_STREAM, stream, body))
        else:
            self._write(head)
            self._blocked[stream] = _Sending(memoryview(body), self._stream_window)
            self._send_blocked()
        return stream

    def cancel(self, stream: int) -> None:
        """Nobody waits for this answer any more."""
        if self._exchanges.pop(stream, None) is not None:
            self._blocked.pop(stream, None)
            self._write(frame(h2.RST_STREAM, 0, stream, _CANCEL))

    def abort(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        more = h2.LARGEST_WINDOW - h2.DEFAULT_WINDOW
        self._write(h2.PREFACE + h2.settings(_OWN_SETTINGS) + h2.window_update(0, more))
        self._room(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        exchanges, self._exchanges = self._exchanges, {}
        for exchange in exchanges.values():
            exchange.lose(str(error or self._why))
        self._gone(self)

    def data_received(self, data: bytes) -> None:
        try:
            for each in self._frames.feed(data):
                self._read(each)
        except (NotHttp2, HPACKError) as error:
            self._why = f"not HTTP/2: {error}"
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        """Frames of one turn of the event loop go out together."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        out, self._out = self._out, []
        self._transport.write(b"".join(out))

    def _read(self, read: Frame) -> None:
        kind = read.kind
        if kind == h2.DATA:
            self._read_data(read)
        elif kind in (h2.HEADERS, h2.CONTINUATION):
            self._read_headers(read)
        elif kind == h2.WINDOW_UPDATE:
            self._widen(read.stream, h2.number(read.content))
        elif kind == h2.RST_STREAM:
            self._reset(read.stream, h2.number(read.content))
        elif kind == h2.GOAWAY:
            self._go_away(h2.number(read.content))
        elif kind == h2.SETTINGS and not read.flags & h2.ACK:
            self._adopt(h2.read_settings(read.content))
        elif kind == h2.PING and not read.flags & h2.ACK:
            self._write(frame(h2.PING, h2.ACK, 0, read.content))

    def _read_data(self, read: Frame) -> None:
        self._received += len(read.content)
        if self._received > _REFILL:
            self._write(h2.window_update(0, self._received))
            self._received = 0
        if exchange := self._exchanges.get(read.stream):
            exchange.piece(read.content)
            if read.flags & h2.END_STREAM:
                self._end(read.stream, exchange)

    def _read_headers(self, read: Frame) -> None:
        if read.kind == h2.HEADERS:
            self._block, self._block_flags = read.content, read.flags
        else:
            self._block += read.content
        if not read.flags & h2.END_HEADERS:
            return
        fields = self._blocks.get(self._block)
        if fields is None:
            fields = read_plain(self._block)
            if fields is None:
                fields = {bytes(name): bytes(value) for name, value in self._decoder.decode(self._block, raw=True)}
            if len(self._blocks) < _KEPT_BLOCKS:
                self._blocks[self._block] = fields
        if exchange := self._exchanges.get(read.stream):
            exchange.headers(fields)
            if self._block_flags & h2.END_STREAM:
                self._end(read.stream, exchange)

    def _end(self, stream: int, exchange: Exchange) -> None:
        del self._exchanges[stream]
        self._blocked.pop(stream, None)
        exchange.end()
        self._room(self)

    def _reset(self, stream: int, code: int) -> None:
        self._blocked.pop(stream, None)
        if exchange := self._exchanges.pop(stream, None):
            exchange.reset(code)
            self._room(self)

    def _adopt(self, values: list[tuple[int, int]]) -> None:
        for name, value in values:
            if name == h2.MAX_CONCURRENT_STREAMS:
                self.most = value
            elif name == h2.MAX_FRAME_SIZE:
                self._frame_size = value
            elif name == h2.INITIAL_WINDOW_SIZE:
                for sending in self._blocked.values():
                    sending.window += value - self._stream_window
                self._stream_window = value
        self._write(frame(h2.SETTINGS, h2.ACK, 0))
        self._send_blocked()
        self._room(self)

    def _widen(self, stream: int, more: int) -> None:
        if not stream:
            self._window += more
        elif sending := self._blocked.get(stream):
            sending.window += more
        self._send_blocked()

    def _send_blocked(self) -> None:
        """Of each body as much as both windows have room for; the oldest first."""
        for stream, sending in list(self._blocked.items()):
            while sending.left and (size := min(len(sending.left), self._frame_size, self._window, sending.window)) > 0:
                part, sending.left = sending.left[:size], sending.left[size:]
                self._window -= size
                sending.window -= size
                flags = 0 if sending.left else h2.END_STREAM
                self._write(frame(h2.DATA, flags, stream, bytes(part)))
            if not sending.left:
                del self._blocked[stream]

    def _go_away(self, last: int) -> None:
        self.usable = False
        for stream in [each for each in self._exchanges if each > last]:
            self._blocked.pop(stream, None)
            self._exchanges.pop(stream).lose("the server takes no more requests on this connection")
        self._why = "the server goes away"
        if not self._exchanges:
            self._transport.close()


class _Sending:
    """What is left of a body that did not go out at once."""

    __slots__ = ("left", "window")

    def __init__(self, body: memoryview, window: int) -> None:
        self.left = body
        self.window = window
