"""What the HTTP parser does not read to its end: a request that asks for another protocol, and what is no HTTP."""

import logging
from collections.abc import Sequence

import httptools

from headrace.errors import HeadraceError, Internal, InvalidRequest

log = logging.getLogger(__name__)


def without_upgrade(
    method: bytes, url: bytes, version: str, headers: Sequence[tuple[bytes, bytes]], rest: bytes
) -> bytes:
    """The request and what follows, as if it had not asked for another protocol: none is offered.

    The parser skips the body of a request that asks for one, so it has to be read again.
    """
    lines = [b"%b %b HTTP/%b\r\n" % (method, url, version.encode())]
    for name, value in headers:
        if name == b"connection":
            value = b"close" if b"close" in value.lower() else b"keep-alive"  # noqa: PLW2901
        if name != b"upgrade":
            lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join((*lines, b"\r\n", rest))


def refusal_of(error: httptools.HttpParserError) -> HeadraceError:
    """What is told of what the parser raised; a fault of ours is logged."""
    cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error
    if isinstance(cause, (httptools.HttpParserError, UnicodeError)):
        return InvalidRequest(f"not HTTP/1.1: {cause}")
    log.error("a connection failed", exc_info=cause)
    return Internal("the server failed on this request; its log says why")
