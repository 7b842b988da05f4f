"""An error as OpenAI says it: `{"error": {"message", "type", "param", "code"}}`."""

import msgspec

from headrace.errors import HeadraceError
from headrace.protocols.http_error import HttpError, encodable, retry_headers
from headrace.protocols.status import status_of

_STATUS = {"queue_full": 429, "unsupported": 400}
"""Where OpenAI's clients expect another status than the table's; 429 they try again by themselves."""

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def openai_error(error: HeadraceError) -> HttpError:
    """The answer for an error: `param` is the path of the field at fault, `code` the stable code."""
    status = _status(error)
    return HttpError(status, msgspec.json.encode(error_body(error)), retry_headers(error))


def error_body(error: HeadraceError) -> dict[str, dict[str, str | None]]:
    """The body of such an answer, as it stands in a stream too."""
    where = encodable(error.where)
    return {
        "error": {
            "message": encodable(str(error)),
            "type": _type(_status(error)),
            "param": where or None,
            "code": error.code,
        }
    }


def _status(error: HeadraceError) -> int:
    return _STATUS.get(error.code, status_of(error).http)


def _type(status: int) -> str:
    return _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
