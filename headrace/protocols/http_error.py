"""An error as an HTTP answer: status, JSON body and headers."""

import math
from typing import NamedTuple

import msgspec

from headrace.errors import BodyTooLarge, DeadlineExceeded, HeadersTooLarge, HeadraceError, Unavailable, WouldBeLate
from headrace.protocols.status import status_of

NO_RETRY = "x-should-retry", "false"
"""What is said of a refusal where asking the same again is of no use."""

IN_VAIN_S = 1.0  # until then those wait who ask again all the same

_FOR_LACK = frozenset((429, 503, 504))
"""Statuses of what is refused for lack of time or room."""


class HttpError(NamedTuple):
    """What is sent for an error; headers by lower-case name."""

    status: int
    body: bytes
    headers: dict[str, str]


def http_error(error: HeadraceError) -> HttpError:
    """Triton's `{"error": text}` with the stable code beside it, and `Retry-After` where waiting may help.

    What is refused for lack of time or room also says when its answer would have come, and when it had to, from its
    arrival; null where nobody can say.
    """
    status = status_of(error).http
    body: dict[str, str | float | None] = {"error": encodable(str(error)), "code": error.code}
    if status in _FOR_LACK:
        late = error if isinstance(error, WouldBeLate | DeadlineExceeded) else None
        body["predicted_ms"] = _rounded(late.predicted_ms if late else None)
        body["deadline_ms"] = _rounded(late.deadline_ms if late else None)
    return HttpError(status, msgspec.json.encode(body), retry_headers(error))


def retry_headers(error: HeadraceError) -> dict[str, str]:
    """`Retry-After` in seconds, and the same in milliseconds, where it is known when asking again may help.

    What would be late even alone is asked again in vain, as `x-should-retry` says, which the clients of OpenAI and
    Anthropic read; those that do not are told a whole second.
    """
    if isinstance(error, Unavailable) and error.retry_after_s is not None:
        return dict(retry_metadata(error.retry_after_s))
    return {**dict(retry_metadata(IN_VAIN_S)), NO_RETRY[0]: NO_RETRY[1]} if isinstance(error, WouldBeLate) else {}


def coded_headers(error: HeadraceError) -> dict[str, str]:
    """The same, and the stable code, for bodies that have no place for it."""
    return {"headrace-code": error.code, **retry_headers(error)}


def retry_metadata(retry_after_s: float) -> list[tuple[str, str]]:
    """When to ask again, in whole seconds and in milliseconds, both rounded up and at least 1."""
    seconds, milliseconds = (max(1, math.ceil(time)) for time in (retry_after_s, round(retry_after_s * 1e3, 6)))
    return [("retry-after", str(seconds)), ("retry-after-ms", str(milliseconds))]


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


def body_too_large(limit_bytes: int) -> BodyTooLarge:
    """The refusal of a body over the limit."""
    return BodyTooLarge(f"the body is over the limit of {limit_bytes} bytes (server.max_body_bytes)")


def headers_too_large(limit_bytes: int) -> HeadersTooLarge:
    """The refusal of headers over the limit."""
    return HeadersTooLarge(f"the header block is over the limit of {limit_bytes} bytes (server.max_header_bytes)")


def encodable(text: str) -> str:
    """Names that a client sent may hold halves of characters, which JSON cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode()
