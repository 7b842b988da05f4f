"""The headers of a call: which method, until when, how its messages are coded, and what else was sent along."""

from collections.abc import Mapping
from typing import NamedTuple

from headrace.protocols.grpc.messages import ENCODINGS, Refused, check_encoding
from headrace.protocols.grpc.method import Metadata, Method
from headrace.protocols.grpc.status import INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, read_value, status_block
from headrace.protocols.grpc.timeout import read_timeout
from headrace.protocols.http2.declared import declared_bytes
from headrace.protocols.http2.header_blocks import Headers, literal
from headrace.protocols.http2.requests import split

CONTENT_TYPE = literal(b"content-type", b"application/grpc")
OPENING = b"\x88" + CONTENT_TYPE
"""The headers before every answer: `:status 200`, from HPACK's own table."""

_NOT_METADATA = {b"te", b"content-type", b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding", b"content-length"}


class Asked(NamedTuple):
    """A call as its headers tell of it."""

    method: Method | None
    timeout_s: float | None
    encoding: str
    metadata: Metadata
    refusal: bytes | None = None  # the headers that answer it, where it cannot be served
    declared_bytes: int | None = None  # of content, in its content-length


def read_call(headers: Headers, methods: Mapping[str, Method], max_header_bytes: int) -> Asked:
    """What the headers of a request say. Raises StreamFault for one that is no request of HTTP/2."""
    pseudo, others = split(headers)
    declared = declared_bytes(others)
    if pseudo[b":method"] != b"POST":
        return _refused(_http(b"405", (b"allow", b"POST")))
    found = dict(others)
    kind = found.get(b"content-type", b"")
    if kind != b"application/grpc" and not kind.startswith((b"application/grpc+", b"application/grpc;")):
        return _refused(_http(b"415"))
    try:
        size = sum(len(name) + len(value) + 32 for name, value in headers)
        if size > max_header_bytes:
            what = f"the metadata is {size} bytes; the most is {max_header_bytes} (server.max_header_bytes)"
            raise Refused(RESOURCE_EXHAUSTED, what)
        return _read(pseudo[b":path"].decode("latin-1"), found, others, methods)._replace(declared_bytes=declared)
    except Refused as refusal:
        return _refused(OPENING + status_block(refusal.code, refusal.details, _hint(refusal.code)))


def _read(path: str, found: Mapping[bytes, bytes], others: Headers, methods: Mapping[str, Method]) -> Asked:
    method = methods.get(path)
    if method is None:
        raise Refused(UNIMPLEMENTED, f"there is no method {path}")
    encoding = found.get(b"grpc-encoding", b"identity").decode("latin-1")
    check_encoding(encoding)
    timeout = found.get(b"grpc-timeout")
    try:
        timeout_s = None if timeout is None else read_timeout(timeout)
        metadata = tuple(
            (name.decode("latin-1"), value)
            for name, coded in others
            if name not in _NOT_METADATA
            for value in read_value(name, coded)
        )
    except ValueError as error:
        raise Refused(INVALID_ARGUMENT, str(error)) from error
    return Asked(method, timeout_s, encoding, metadata)


def _refused(answer: bytes) -> Asked:
    return Asked(None, None, "identity", (), answer)


def _hint(code: int) -> Metadata:
    return (("grpc-accept-encoding", ",".join(ENCODINGS)),) if code == UNIMPLEMENTED else ()


def _http(status: bytes, *headers: tuple[bytes, bytes]) -> bytes:
    """An answer to what is no call."""
    return literal(b":status", status) + b"".join(literal(*header) for header in headers)
