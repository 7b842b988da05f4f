"""Where a request has room for one answer, one that comes in several parts is refused."""

from headrace.errors import HeadraceError, InvalidRequest
from headrace.types import Response


def whole(answer: Response | HeadraceError) -> Response | HeadraceError:
    """The answer, or the refusal of what is only its first part: the caller then cancels the rest."""
    if isinstance(answer, HeadraceError) or answer.final:
        return answer
    return InvalidRequest(
        f"model {answer.model} answers this in several parts, and here is room for one; "
        "leave out the input stream, or ask over ModelStreamInfer",
        "inputs",
    )
