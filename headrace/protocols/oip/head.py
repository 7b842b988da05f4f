"""What the head of an inference over HTTP says; and the one of a connection that repeats. Knows no body."""

import re
from collections.abc import Sequence

import msgspec

from headrace.errors import HeadraceError, InvalidRequest, Unsupported
from headrace.protocols.http_error import headers_too_large
from headrace.protocols.limits import UNSAID, Limits, read_headers
from headrace.protocols.oip.parameters import trace_of
from headrace.protocols.request_id import given
from headrace.types import Context, ModelRef

_ONCE = (b"host", b"content-encoding", b"inference-header-content-length")
"""What would be read in two ways, by this server and by one before it, where it is sent twice."""

_HOST = re.compile(rb"(?:\[[0-9A-Za-z._~:!$&'()*+,;=%-]*\]|[0-9A-Za-z._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
"""A name or an address, and a port where one is given (RFC 3986, 3.2.2); it may be empty."""


class Head(msgspec.Struct, frozen=True):
    """A request's URL and headers, as far as they matter to an inference."""

    model: ModelRef
    keep_alive: bool = True
    json_bytes: int | None = None  # Inference-Header-Content-Length: where the JSON ends and raw tensors begin
    trace: str = ""  # traceparent, or empty where that is none
    request_id: str = ""  # X-Request-Id, or empty where that is none
    accept_encoding: str = ""
    content_encoding: str = ""
    wants_continue: bool = False
    error: HeadraceError | None = None  # what is wrong with it
    limits: Limits = UNSAID
    headers: Sequence[tuple[bytes, bytes]] = ()
    plain: bool = False  # nothing in it is one request's alone, or orders requests, or has the body read otherwise

    def context(self, arrived_ns: int) -> Context:
        """Of a request that came with it then."""
        return self.limits.context(arrived_ns, "http", self.trace, self.headers)


def read_head(model: ModelRef, sent: Sequence[tuple[bytes, bytes]], keep_alive: bool) -> Head:
    """The head; header names are in lower case. What is wrong with it becomes its `error`."""
    headers = dict(sent)
    request_id = given(headers.get(b"x-request-id", b"").decode("latin-1"))
    json_bytes, error = _json_bytes(headers.get(b"inference-header-content-length"))
    names = [name for name, _ in sent]
    if len(headers) < len(names) and (twice := next((name for name in _ONCE if names.count(name) > 1), None)):
        error = InvalidRequest("is sent twice; send it once", twice.decode())
    limits = UNSAID
    try:
        limits = read_headers(sent)
    except InvalidRequest as refused:
        error = error or refused
    trace, encoding = (
        trace_of(headers.get(b"traceparent", b"").decode("latin-1")),
        headers.get(b"content-encoding", b""),
    )
    return Head(
        model,
        keep_alive,
        json_bytes,
        trace,
        request_id,
        headers.get(b"accept-encoding", b"").decode("latin-1"),
        encoding.decode("latin-1"),
        headers.get(b"expect", b"").lower() == b"100-continue",
        error,
        limits,
        sent,
        limits is UNSAID and error is None and not (trace or request_id or encoding),
    )


def head_refusal(
    url: bytes, headers: Sequence[tuple[bytes, bytes]], version: str, num_bytes: int, most_bytes: int
) -> HeadraceError | None:
    """Why the body behind a head is not looked at, if so; `num_bytes` came with the head, which may be less.

    The parser reads what a list of codings ends in as chunks, and those before as if they were not there.
    """
    if num_bytes > most_bytes and _head_bytes(url, headers) > most_bytes:
        return headers_too_large(most_bytes)
    if version not in ("1.0", "1.1"):  # the parser reads 0.9 and 2.0 as if they were, and says so of all others
        return InvalidRequest("not HTTP/1.1: Invalid HTTP version")
    if version != "1.0" and all(name != b"host" for name, _ in headers):
        return InvalidRequest("is missing; a request of HTTP/1.1 has one (RFC 9112, 3.2)", "host")
    for name, value in headers:
        if name == b"host" and not _HOST.fullmatch(value):
            what = f"{value[:100].decode('latin-1')!r} is no host, or host:port, as a URL has it (RFC 9112, 3.2)"
            return InvalidRequest(what, "host")
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        what = f"{b', '.join(codings).decode('latin-1')!r} is not understood; send chunked alone"
        return Unsupported(f"{what}, and what is compressed as Content-Encoding: gzip", "Transfer-Encoding")
    return None


def without_expectation(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of a client of HTTP/1.0, which would take an interim answer for its answer (RFC 9110, 10.1.1)."""
    return [header for header in headers if header[0] != b"expect"]


def _head_bytes(url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def _json_bytes(header: bytes | None) -> tuple[int | None, HeadraceError | None]:
    if header is None:
        return None, None
    if header.isdigit() and len(header) < 19:
        return int(header), None
    what = f"{header.decode('latin-1')!r} is not a number of bytes"
    return None, InvalidRequest(what, "Inference-Header-Content-Length")


class Repeated(msgspec.Struct, frozen=True):
    """A head that was read, byte for byte: where the same bytes come again they say the same."""

    raw: bytes
    head: Head
    body_bytes: int
    num_bytes: int  # of both


def body_bytes_of(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """How long the body is, where its head says so."""
    said = dict(headers)
    length = None if b"transfer-encoding" in said else said.get(b"content-length")
    return None if length is None else int(length)


def repeated(chunk: bytes, head: Head, headers: Sequence[tuple[bytes, bytes]], most: int) -> Repeated | None:
    """The head as it may come again, or None where that is not plain to see.

    `chunk` is what arrived with it, from its first byte on; `most` is the largest body. A head is plain whose body is
    of a given length and follows at once, and in which every line that its bytes show was read as a header.
    """
    raw = chunk[: chunk.find(b"\r\n\r\n") + 4]
    body_bytes = body_bytes_of(headers)
    whole = raw.startswith(b"POST ") and raw.count(b"\n") == raw.count(b"\r\n") == len(headers) + 2
    if not whole or body_bytes is None or body_bytes > most or b"expect" in dict(headers) or not head.keep_alive:
        return None
    return Repeated(raw, head, body_bytes, len(raw) + body_bytes)
