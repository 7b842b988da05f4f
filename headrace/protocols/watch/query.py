"""Numbers in a question's parameters; one that is none is refused by its name."""

from starlette.requests import Request

from headrace.errors import InvalidRequest


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
