"""An error as Ollama says it: `{"error": text}`."""

import msgspec

from headrace.errors import HeadraceError
from headrace.protocols.http_error import HttpError, coded_headers, encodable
from headrace.protocols.status import status_of


def ollama_error(error: HeadraceError) -> HttpError:
    """The answer for an error; the path of the field at fault begins the text."""
    return HttpError(status_of(error).http, msgspec.json.encode(error_body(error)), coded_headers(error))


def error_body(error: HeadraceError) -> dict[str, str]:
    """The body of such an answer, as it stands in a stream too."""
    return {"error": encodable(str(error))}
