"""Frames of HTTP/2, as bytes: cut out of a stream that is split anywhere, and made. Knows no streams."""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hpack.hpack import encode_integer

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 3, 4, 5
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGEST_WINDOW = (1 << 31) - 1
DEFAULT_WINDOW, DEFAULT_FRAME = 65_535, 16_384
_LARGEST_FRAME = (1 << 24) - 1
_HEAD = struct.Struct(">HBBBI")  # the length has three bytes


class NotHttp2(Exception):
    """What came is no frame."""


class Frame(NamedTuple):
    """One frame, its padding and its priority taken away."""

    kind: int
    flags: int
    stream: int
    content: bytes


class FrameReader:
    """Bytes -> frames."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Every frame that is whole now. Raises NotHttp2."""
        if self._buffer:
            data = self._buffer + data
        at, end = 0, len(data)
        while end - at >= 9:
            high, low, kind, flags, stream = _HEAD.unpack_from(data, at)
            length = high << 8 | low
            if data[at : at + 5] == b"HTTP/":
                raise NotHttp2("it speaks HTTP/1, as --protocol http does")
            if end - at < 9 + length:
                break
            content = data[at + 9 : at + 9 + length]
            at += 9 + length
            if flags & (PADDED | PRIORITY) and kind in (DATA, HEADERS):
                content = _bare(kind, flags, content)
            yield Frame(kind, flags, stream & LARGEST_WINDOW, content)
        self._buffer = data[at:]


def _bare(kind: int, flags: int, content: bytes) -> bytes:
    padding = 0
    if flags & PADDED:
        if not content or content[0] >= len(content):
            raise NotHttp2("padding is longer than its frame")
        padding, content = content[0], content[1:]
    if kind == HEADERS and flags & PRIORITY:
        content = content[5:]
    return content[: len(content) - padding] if padding else content


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    """One frame."""
    length = len(content)
    if length > _LARGEST_FRAME:
        raise ValueError(f"a frame of {length} bytes")
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream) + content


def settings(values: Iterable[tuple[int, int]]) -> bytes:
    """A frame of settings."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *each) for each in values))


def read_settings(content: bytes) -> list[tuple[int, int]]:
    """The settings in a frame. Raises NotHttp2."""
    if len(content) % 6:
        raise NotHttp2(f"settings of {len(content)} bytes")
    return list(struct.iter_unpack(">HI", content))


def window_update(stream: int, more: int) -> bytes:
    """Allows the other side so many bytes more."""
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", more))


def number(content: bytes) -> int:
    """The first four bytes as a number without its highest bit."""
    if len(content) < 4:
        raise NotHttp2(f"a frame of {len(content)} bytes, of at least 4")
    return int.from_bytes(content[:4], "big") & LARGEST_WINDOW


def plain_headers(pairs: Iterable[tuple[str, str]]) -> bytes:
    """A block of headers in HPACK's simplest form: nothing is indexed, so it is good on any connection, at any time."""
    block = bytearray()
    for name, value in pairs:
        block.append(0)
        for text in (name.encode("latin-1"), value.encode("latin-1")):
            block += encode_integer(len(text), 7) + text
    return bytes(block)
