"""A request with two Host headers would be one site's to a proxy and another's to us: it is refused (RFC 9112, 3.2)."""

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.errors import InvalidRequest
from headrace.protocols.http import error_response
from headrace.protocols.request_id import ANTHROPICS, id_of, named


class OneHost:
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and sum(name == b"host" for name, _ in scope["headers"]) > 1:
            refusal = InvalidRequest("is sent twice; send it once", "host")
            await error_response(refusal, id_of(scope))(scope, receive, named(send, scope, ANTHROPICS))
            return
        await self._app(scope, receive, send)
