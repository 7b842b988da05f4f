"""An error as Anthropic says it: `{"type": "error", "error": {"type", "message"}}`, one with `details`."""

from typing import Any, ClassVar

import msgspec

from headrace.errors import HeadraceError, InvalidRequest
from headrace.protocols.http_error import HttpError, coded_headers, encodable
from headrace.protocols.status import status_of

_STATUS = {"queue_full": 529, "unsupported": 400}
"""Where Anthropic's clients expect another status than the table's; 529 they try again by themselves."""

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class ThreadRefused(InvalidRequest):
    """Conversations are not held here. The SDK's agent loop asks for that, and goes on without where it is told so."""

    details: ClassVar = {"error_code": "thread_unsupported_request"}


def anthropic_error(error: HeadraceError) -> HttpError:
    """The answer for an error; the path of the field at fault begins the message."""
    return HttpError(_status(error), msgspec.json.encode(error_body(error)), coded_headers(error))


def error_body(error: HeadraceError) -> dict[str, Any]:
    """The body of such an answer, as it stands in a stream too."""
    status = _status(error)
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    told: dict[str, Any] = {"type": kind, "message": encodable(str(error))}
    if isinstance(error, ThreadRefused):
        told["details"] = error.details
    return {"type": "error", "error": told}


def _status(error: HeadraceError) -> int:
    return _STATUS.get(error.code, status_of(error).http)
