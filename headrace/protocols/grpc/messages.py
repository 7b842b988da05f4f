"""Messages as they travel: five bytes of prefix, then content, cut anywhere and perhaps compressed. No connections."""

from struct import Struct
from typing import NamedTuple

from headrace.errors import BodyTooLarge, InvalidRequest
from headrace.large_memory import room
from headrace.protocols.compression import decompress
from headrace.protocols.grpc.status import INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED
from headrace.types import Buffer

PREFIX = Struct(">BI")
"""Whether it is compressed, and its length."""
PREFIX_BYTES = PREFIX.size
ENCODINGS = ("identity", "deflate", "gzip")
DECOMPRESSED_BYTES = 64 << 20
"""The most that a compressed message becomes where no limit is set: a bomb of a few bytes could be any size."""

_PROTOBUF_MAX_BYTES = 2**31 - 1  # no message can be larger
_LARGE_BYTES = 64 * 1024  # from here on memory is not filled with zeros first


class Refused(Exception):
    """A message that cannot be taken, as a status of gRPC."""

    def __init__(self, code: int, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


class Packed(NamedTuple):
    """A compressed message."""

    content: Buffer
    encoding: str
    max_bytes: int

    def unpacked(self) -> Buffer:
        """As it was before. Raises Refused."""
        return unpack(self.content, self.encoding, self.max_bytes)


Message = Buffer | Packed


class MessageReader:
    """Puts one call's messages together; those that are compressed stay so."""

    __slots__ = ("_compressed", "_content", "_encoding", "_filled", "_max_bytes", "_prefix")

    def __init__(self, encoding: str, max_bytes: int) -> None:
        self._encoding = encoding
        self._max_bytes = max_bytes  # below 0: any size
        self._prefix = b""
        self._compressed = 0
        self._content: memoryview | None = None  # of the message under way, from its prefix on
        self._filled = 0

    @property
    def under_way(self) -> bool:
        """A message has begun and is not whole."""
        return self._content is not None or bool(self._prefix)

    @property
    def held(self) -> int:
        """Bytes of the message under way that are here."""
        return 0 if self._content is None else self._filled

    @property
    def missing(self) -> int:
        """Bytes of the message under way that are still to come, as far as its prefix is known."""
        return 0 if self._content is None else len(self._content) - self._filled

    def feed(self, content: memoryview) -> list[Message]:
        """The messages that are whole with this. Raises Refused."""
        whole: list[Message] = []
        at, end = 0, len(content)
        while at < end:
            if self._content is None:
                at = self._begin(content, at)
                if self._content is None:
                    break
            count = min(end - at, len(self._content) - self._filled)
            self._content[self._filled : self._filled + count] = content[at : at + count]
            self._filled += count
            at += count
            if self._filled == len(self._content):
                whole.append(self._end())
        return whole

    def _begin(self, content: memoryview, at: int) -> int:
        """Read a prefix, or what is here of it."""
        prefix = self._prefix + bytes(content[at : at + PREFIX_BYTES - len(self._prefix)])
        at += len(prefix) - len(self._prefix)
        if len(prefix) < PREFIX_BYTES:
            self._prefix = prefix
            return at
        self._prefix = b""
        self._compressed, size = PREFIX.unpack(prefix)
        self._content = self.room(self._compressed, size)
        self._filled = 0
        return at

    def room(self, compressed: int, size: int) -> memoryview:
        """Memory for a message. Raises Refused where it may not be sent so."""
        check(compressed, size, self._encoding, self._max_bytes)
        try:
            return room(size) if size >= _LARGE_BYTES else memoryview(bytearray(size))
        except MemoryError as error:
            raise Refused(RESOURCE_EXHAUSTED, f"there is no memory for a message of {size} bytes") from error

    def rest(self) -> memoryview | None:
        """The memory that is still to be filled of the message under way."""
        return None if self._content is None else self._content[self._filled :]

    def filled(self, count: int) -> Message | None:
        """So many bytes of it were filled: the message, where it is whole. Raises Refused."""
        assert self._content is not None
        self._filled += count
        return self._end() if self._filled == len(self._content) else None

    def _end(self) -> Message:
        content, self._content = self._content, None
        assert content is not None
        return Packed(content, self._encoding, self._max_bytes) if self._compressed else content


def is_message(content: bytes) -> bool:
    """Whether it is one message, whole and as it is, and nothing else."""
    return len(content) >= PREFIX_BYTES and PREFIX.unpack_from(content) == (0, len(content) - PREFIX_BYTES)


def check(compressed: int, size: int, encoding: str, max_bytes: int) -> None:
    """Raises Refused for a message with such a prefix that may not be sent."""
    if compressed > 1 or (compressed and encoding == "identity"):
        raise Refused(INTERNAL, "a message is marked as compressed, and grpc-encoding does not say how")
    most = _PROTOBUF_MAX_BYTES if max_bytes < 0 else max_bytes
    if size > most:
        raise Refused(RESOURCE_EXHAUSTED, f"a message of {size} bytes; the most is {most} (grpc.max_message_bytes)")


def unpack(content: Buffer, encoding: str, max_bytes: int) -> Buffer:
    """A message as it was before it was compressed. Raises Refused."""
    if not content:
        return content
    limit = DECOMPRESSED_BYTES if max_bytes < 0 else max_bytes
    try:
        return decompress(content, encoding, limit)
    except BodyTooLarge as error:
        raise Refused(RESOURCE_EXHAUSTED, f"a message is over {limit} bytes once decompressed") from error
    except InvalidRequest as error:
        raise Refused(INTERNAL, f"a message is not valid {encoding}") from error


def check_encoding(encoding: str) -> None:
    """Raises Refused for one that is not understood."""
    if encoding not in ENCODINGS:
        raise Refused(UNIMPLEMENTED, f"grpc-encoding {encoding!r} is not understood; send {', '.join(ENCODINGS)}")
