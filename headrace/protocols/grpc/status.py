"""Codes of gRPC, and statuses and metadata as headers."""

import base64
import binascii
from functools import lru_cache
from urllib.parse import quote

from headrace.protocols.grpc.method import Alike, Metadata
from headrace.protocols.http2.header_blocks import coded_text, literal

OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND = range(6)
RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 8, 12, 13, 14

_TEXT = bytes(code if 0x20 <= code <= 0x7E else 0x3F for code in range(256))  # what stands for each byte of a value
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")  # characters that need no escape


def status_block(code: int, details: str = "", metadata: Metadata = ()) -> bytes:
    """The headers that end a call."""
    return _status(code, details) + headers(metadata)


def headers(metadata: Metadata) -> bytes:
    """Metadata as it travels."""
    return b"".join([_header(name, value) for name, value in metadata])


def alike(metadata: Metadata) -> Alike:
    """Metadata for the ends of several calls."""
    return Alike(metadata, headers(metadata))


@lru_cache(256)
def _status(code: int, details: str) -> bytes:
    block = literal(b"grpc-status", b"%d" % code)
    if details:
        block += literal(b"grpc-message", quote(details, safe=_PLAIN, errors="replace").encode())
    return block


def _header(name: str, value: str | bytes) -> bytes:
    """Values are not kept: those of answers are times and ids, which do not come again."""
    binary, known = _name(name)
    if not binary and isinstance(value, str) and value.isascii() and value.isprintable():
        return known + coded_text(value.encode())  # as most are
    text = value.encode() if isinstance(value, str) else value
    return known + coded_text(base64.b64encode(text).rstrip(b"=") if binary else text.translate(_TEXT))


def header_name(name: str) -> bytes:
    """How a header of that name begins, whose value is text; `coded_text` of that follows."""
    return _name(name)[1]


@lru_cache(256)
def _name(name: str) -> tuple[bool, bytes]:
    """Whether its values are bytes, and how the name begins a header; names come again and again."""
    lower = name.lower()
    return lower.endswith("-bin"), b"\0" + coded_text(lower.encode())


def read_value(name: bytes, value: bytes) -> list[str | bytes]:
    """The values of a header: those of `-bin` are coded in base64, and may be joined by commas.

    Raises ValueError where they are not.
    """
    if not name.endswith(b"-bin"):
        return [value.decode("latin-1")]
    try:
        return [_from_base64(part) for part in value.split(b",")]
    except binascii.Error as error:
        raise ValueError(f"the metadata {name.decode('latin-1')} is not base64") from error


def _from_base64(text: bytes) -> bytes:
    text = text.strip().rstrip(b"=")
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
