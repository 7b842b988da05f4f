"""Asks routes for a page, straight through ASGI."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


async def get(routes: Sequence[BaseRoute], path: str, query: str = "", **headers: str) -> Answer:
    """The answer to a GET."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": raw}
    await Starlette(routes=routes)(scope, receive, send)  # type: ignore[arg-type]
    start, body = sent[0], sent[1]["body"]
    assert isinstance(start["status"], int)
    assert isinstance(start["headers"], list)
    assert isinstance(body, bytes)
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body
