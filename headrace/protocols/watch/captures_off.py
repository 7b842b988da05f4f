"""The routes of captured requests on a server that captures none: they say how it would."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import NotFound


def routes() -> list[Route]:
    """In the place of those that tell what is kept."""
    return [Route("/v2/headrace/captures{rest:path}", _off, methods=["GET", "DELETE"])]


async def _off(request: Request) -> Response:
    raise NotFound(
        "nothing is captured: start the server with --set capture.ratio=0.01, say, for a hundredth of all runs"
    )
