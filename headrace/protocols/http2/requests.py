"""The headers of a request, held against what HTTP/2 allows."""

from headrace.protocols.http2.codes import PROTOCOL_ERROR
from headrace.protocols.http2.faults import StreamFault
from headrace.protocols.http2.header_blocks import Headers

_PSEUDO = {b":method", b":scheme", b":authority", b":path"}
_NEEDED = {b":method", b":scheme", b":path"}
_FOREIGN = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}


def split(headers: Headers) -> tuple[dict[bytes, bytes], Headers]:
    """The pseudo-headers by name, and the others. Raises StreamFault for a request that is malformed."""
    pseudo: dict[bytes, bytes] = {}
    others: Headers = []
    for name, value in headers:
        if name[:1] == b":":
            if others or name in pseudo or name not in _PSEUDO:
                raise StreamFault(PROTOCOL_ERROR, f"{name!r} is unknown, repeated, or behind other headers")
            pseudo[name] = value
        else:
            _check(name, value)
            others.append((name, value))
    if not pseudo.keys() >= _NEEDED or not pseudo[b":path"]:
        raise StreamFault(PROTOCOL_ERROR, "a request has :method, :scheme and :path")
    return pseudo, others


def _check(name: bytes, value: bytes) -> None:
    if not name or name != name.lower():
        raise StreamFault(PROTOCOL_ERROR, f"the header {name!r} is not in lower case")
    if name in _FOREIGN or (name == b"te" and value != b"trailers"):
        raise StreamFault(PROTOCOL_ERROR, f"the header {name!r} is not of HTTP/2")
    if b"\r" in value or b"\n" in value or b"\0" in value or b" " in name or b":" in name:
        raise StreamFault(PROTOCOL_ERROR, f"the header {name!r} has characters that may not be there")
