"""Bytes of an HTTP/1.1 connection, cut anywhere -> answers: heads, bodies, ends. Knows no socket."""

from typing import Protocol

_HEAD_LIMIT = 1 << 16
_LENGTH_DIGITS = 18
_UNTIL_CLOSED = 1 << 62  # more than a length can say


class Sink(Protocol):
    """What one answer is handed to, in this order."""

    def head(self, status: int, head: bytes) -> None:
        """The status, and all header lines in lower case."""
        ...

    def piece(self, body: bytes) -> None:
        """The next bytes of the body."""
        ...

    def end(self) -> None:
        """The answer is whole."""
        ...


class NotHttp(Exception):
    """What came is no answer in HTTP/1.1."""


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header in a head in lower case; empty where it is not there."""
    at = head.find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    start = at + len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else None].strip()


class AnswerReader:
    """Reads one answer after another. `sink` is the next answer's; `keeps` says whether the connection goes on."""

    def __init__(self) -> None:
        self.sink: Sink | None = None
        self.keeps = True
        self._buffer = b""
        self._left = 0  # bytes of a body, or of a chunk
        self._state = self._in_head

    @property
    def begun(self) -> bool:
        """The head of the next answer was read, and the answer is not whole."""
        return self._state != self._in_head

    def feed(self, data: bytes) -> None:
        """Hand on what is in the data. Raises NotHttp."""
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        while data:
            rest = self._state(data)
            if rest is None:  # more is needed
                if len(data) > _HEAD_LIMIT:
                    raise NotHttp("a line has no end")
                self._buffer = data
                return
            data = rest

    def closed(self) -> None:
        """The server has closed the connection: which may be the end of an answer. Raises NotHttp where it is not."""
        if self._state == self._in_body and self._left > _UNTIL_CLOSED // 2:
            self._end()
        elif self.sink is not None:
            raise NotHttp("the server closed the connection")

    def _in_head(self, data: bytes) -> bytes | None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) >= 5 and not data.startswith(b"HTTP/"):
                raise NotHttp(_beginning(data))
            return None
        head = data[:end].lower()
        try:
            status = int(head[9:12])
        except ValueError:
            status = 0
        if not head.startswith(b"http/1.") or status < 100 or self.sink is None:
            raise NotHttp(_beginning(data))
        rest = data[end + 4 :]
        if status < 200:
            return rest
        self.keeps = header(head, b"connection") != b"close" and not head.startswith(b"http/1.0")
        self.sink.head(status, head)
        self._begin_body(head, empty=status in (204, 304))
        return rest

    def _begin_body(self, head: bytes, empty: bool) -> None:
        length = header(head, b"content-length")
        if length:
            if not length.isdigit() or len(length) > _LENGTH_DIGITS:
                raise NotHttp(f"a content-length of {length[:40]!r}")
            if head.count(b"\r\ncontent-length:") > 1:
                raise NotHttp("two lengths of one answer")
            self._left = int(length)
        elif header(head, b"transfer-encoding").endswith(b"chunked"):
            self._state = self._in_size
            return
        else:
            self._left = 0 if empty else _UNTIL_CLOSED
        if empty or not self._left:
            self._end()
        else:
            self._state = self._in_body
            self.keeps = self.keeps and self._left < _UNTIL_CLOSED

    def _in_body(self, data: bytes) -> bytes:
        assert self.sink
        if len(data) < self._left:
            self._left -= len(data)
            self.sink.piece(data)
            return b""
        piece, rest = data[: self._left], data[self._left :]
        self.sink.piece(piece)
        self._end()
        return rest

    def _in_size(self, data: bytes) -> bytes | None:
        line, found, rest = data.partition(b"\r\n")
        if not found:
            return None
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError:
            self._left = -1
        if self._left < 0:
            raise NotHttp(f"a chunk's size is {line[:16]!r}")
        self._state = self._in_chunk if self._left else self._in_trailer
        return rest

    def _in_chunk(self, data: bytes) -> bytes:
        assert self.sink
        piece, rest = data[: self._left], data[self._left :]
        self._left -= len(piece)
        self.sink.piece(piece)
        if not self._left:
            self._state = self._in_chunk_end
        return rest

    def _in_chunk_end(self, data: bytes) -> bytes | None:
        if len(data) < 2:
            return None
        if data[:2] != b"\r\n":
            raise NotHttp(f"a chunk ends with {data[:2]!r}")
        self._state = self._in_size
        return data[2:]

    def _in_trailer(self, data: bytes) -> bytes | None:
        line, found, rest = data.partition(b"\r\n")
        if not found:
            return None
        if not line:
            self._end()
        return rest

    def _end(self) -> None:
        self._state = self._in_head
        sink, self.sink = self.sink, None
        assert sink
        sink.end()


def _beginning(data: bytes) -> str:
    if data[:1] == b"\0" and data[3:5] == b"\4\0":  # a frame of settings
        return "it speaks HTTP/2, as --protocol grpc does"
    return f"it begins with {data[:16]!r}"
