"""An error as an HTTP answer: status, JSON body and headers."""

import math
from typing import NamedTuple

import msgspec

from headrace.errors import BodyTooLarge, HeadraceError, Unavailable
from headrace.protocols.status import status_of


class HttpError(NamedTuple):
    """What is sent for an error; headers by lower-case name."""

    status: int
    body: bytes
    headers: dict[str, str]


def http_error(error: HeadraceError) -> HttpError:
    """Triton's `{"error": text}` with the stable code beside it, and `Retry-After` where waiting may help."""
    body = msgspec.json.encode({"error": encodable(str(error)), "code": error.code})
    return HttpError(status_of(error).http, body, retry_headers(error))


def retry_headers(error: HeadraceError) -> dict[str, str]:
    """`Retry-After`, where it is known when asking again may help."""
    if isinstance(error, Unavailable) and error.retry_after_s is not None:
        return {"retry-after": str(max(1, math.ceil(error.retry_after_s)))}
    return {}


def body_too_large(limit_bytes: int) -> BodyTooLarge:
    """The refusal of a body over the limit."""
    return BodyTooLarge(f"the body is over the limit of {limit_bytes} bytes (server.max_body_bytes)")


def encodable(text: str) -> str:
    """Names that a client sent may hold halves of characters, which JSON cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode()
