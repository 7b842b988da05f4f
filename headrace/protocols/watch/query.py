"""A question's parameters: one that is not known, or is no number where it should be, is refused by its name."""

from starlette.datastructures import QueryParams
from starlette.requests import Request

from headrace.errors import InvalidRequest


def only(request: Request, *known: str) -> QueryParams:
    """The parameters, of which there may be these. Raises InvalidRequest for the first of any other name."""
    asked = request.query_params
    for name in asked:
        if name not in known:
            there_is = " and ".join(f"`{each}`" for each in known) or "none"
            raise InvalidRequest(f"is not known here; there is {there_is}", name[:100])
    return asked


def whole(said: str, name: str, least: int, most: int) -> int:
    """Raises InvalidRequest."""
    if not (said.isascii() and said.isdigit() and len(said) < 20 and least <= int(said) <= most):
        raise InvalidRequest(f"{said[:40]!r} is not a whole number from {least} to {most}", name)
    return int(said)


def limit_of(request: Request, most: int) -> int:
    """How many lines are asked for: `limit`, 100 where it is not said. Raises InvalidRequest."""
    limit = request.query_params.get("limit", "100")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 6 and 1 <= int(limit) <= most):
        raise InvalidRequest(f"{limit[:20]!r} is not a number from 1 to {most}", "limit")
    return int(limit)
