"""gzip and deflate, both ways, and never more out than was agreed."""

import zlib
from collections.abc import Iterable

from headrace.errors import BodyTooLarge, InvalidRequest
from headrace.types import Buffer

_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15  # zlib's window bits
_LEVEL = 1  # tensors hardly get smaller at higher levels, only slower
_PIECE_BYTES = 1 << 14  # given to zlib at once: what follows a member's end it copies
_MOST_MEMBERS, _MEMBER_BYTES = 1024, 1024  # so many of any size; of more, each has to be as large as that on average
LITTLE_BYTES = 1024
"""Compressed: it holds a megabyte at most, which is there in a millisecond or two."""

_WINDOW_BITS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}


def decompress(body: Buffer, encoding: str, limit_bytes: int) -> Buffer:
    """A body as it was before `Content-Encoding`.

    Raises BodyTooLarge as soon as it grows over the limit, InvalidRequest where it is broken or the encoding unknown.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOW_BITS:
        raise InvalidRequest(f"Content-Encoding {encoding!r} is not understood; send gzip, deflate or identity")
    bits = _WINDOW_BITS[name]
    if name == "deflate" and not _has_zlib_header(body):
        bits = _RAW_DEFLATE
    try:
        return _inflate(body, bits, name, limit_bytes)
    except zlib.error as error:
        raise InvalidRequest(f"the body is not valid {name}: {error}") from error


def _inflate(body: Buffer, bits: int, name: str, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    rest, size, members = memoryview(body), 0, 0
    while rest or not members:
        member = zlib.decompressobj(bits)
        while not member.eof:
            if not rest:
                raise InvalidRequest(f"the {name} body ends too early")
            part = member.decompress(rest[:_PIECE_BYTES], limit_bytes - size + 1)
            size += len(part)
            if size > limit_bytes:
                raise BodyTooLarge(f"the body is over the limit of {limit_bytes} bytes once decompressed")
            parts.append(part)
            rest = rest[len(rest[:_PIECE_BYTES]) - len(member.unused_data) :]
        if bits != _GZIP:
            break
        members += 1  # a gzip file may have several
        if members > _MOST_MEMBERS and len(body) - len(rest) < members * _MEMBER_BYTES:
            raise InvalidRequest(f"the {name} body is made of too many small members; send it as one")
    return b"".join(parts)


def _has_zlib_header(body: Buffer) -> bool:
    """Some clients mean bare deflate by `deflate`, most mean zlib, whose first two bytes can be told."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0


def compress(body: Iterable[Buffer], encoding: str) -> bytes:
    """The body, of which these are the parts, in an encoding that `choose` gave."""
    member = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS[encoding])
    return b"".join([*map(member.compress, body), member.flush()])


def choose(accept_encoding: str) -> str:
    """What an Accept-Encoding header likes best of "gzip" and "deflate"; "" for no compression."""
    qualities: dict[str, float] = {}
    for item in accept_encoding.lower().split(","):
        name, *options = (part.strip() for part in item.split(";"))
        qualities[name] = _quality(options)
    others = qualities.get("*", 0.0)
    quality, best = max((qualities.get(name, others), name) for name in ("deflate", "gzip"))
    return best if quality > 0 and quality >= qualities.get("identity", 0.0) else ""


def _quality(options: list[str]) -> float:
    for option in options:
        key, _, value = option.partition("=")
        if key.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
