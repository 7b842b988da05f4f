"""A route of a dialect: its methods, and every fault on it in the dialect's own words."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from headrace.errors import HeadraceError, Internal, MethodNotAllowed, forget_frames
from headrace.protocols.http import no_such_path, wrong_method
from headrace.protocols.http_error import HttpError
from headrace.protocols.request_id import id_of, named, refused

log = logging.getLogger(__name__)

Handle = Callable[[Request], Awaitable[Response]]
"""Makes the answer to a request. A Response that raises before it has begun to answer counts as the handler's fault."""

Refuse = Callable[[HeadraceError], HttpError]
"""An error as the dialect says it."""


class Endpoint:
    """An ASGI application for one path; unlike Starlette's own, it refuses other methods in the dialect's form."""

    def __init__(
        self,
        method: str,
        handle: Handle,
        refuse: Refuse,
        more: Mapping[str, Handle] | None = None,
        id_header: str = "",
    ) -> None:
        """`more` are handles of other methods, `id_header` what a dialect calls the header of the request's id."""
        self.method = method
        self.handles = {method: handle, **(more or {})}
        self._refuse = refuse
        self._id_header = id_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if self._id_header:
            send = named(send, scope, self._id_header)
        try:
            response = await self._handle(request)(request)
            await response(scope, receive, send)
        except ClientDisconnect:
            return  # nobody reads the answer
        except HeadraceError as error:
            forget_frames(error)
            await self._refusal(error, id_of(scope))(scope, receive, send)
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            fault = Internal("the server failed on this request; its log says why")
            await self._refusal(fault, id_of(scope))(scope, receive, send)

    def _handle(self, request: Request) -> Handle:
        handle = self.handles.get("GET" if request.method == "HEAD" else request.method)
        if handle is None:
            raise wrong_method(request.method, request.url.path, " or ".join(self.handles))
        return handle

    def _refusal(self, error: HeadraceError, request_id: str) -> Response:
        told = self._refuse(error)
        status, body, headers = refused(told, request_id) if request_id else told
        if isinstance(error, MethodNotAllowed):
            headers["allow"] = ", ".join(self.handles)
        return Response(body, status, headers, "application/json")


class Elsewhere(Route):
    """Every path that begins as a dialect's do and is none of them: not found, in the dialect's own words.

    It stands behind the others. A slash too many at the end is left to Starlette, which leads to the path without it.
    """

    def __init__(self, beginning: str, refuse: Refuse, id_header: str = "") -> None:
        """`beginning` ends in a slash."""
        more = dict.fromkeys(("POST", "PUT", "PATCH", "DELETE", "OPTIONS"), _absent)
        super().__init__(f"{beginning}{{path:path}}", Endpoint("GET", _absent, refuse, more, id_header))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.NONE, {}) if scope["path"].endswith("/") else super().matches(scope)


async def _absent(request: Request) -> Response:
    raise no_such_path(request.url.path)
