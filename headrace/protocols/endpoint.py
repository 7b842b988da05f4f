"""A route of a dialect: its methods, and every fault on it in the dialect's own words."""

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headrace.errors import HeadraceError, Internal, MethodNotAllowed
from headrace.protocols.http_error import HttpError

log = logging.getLogger(__name__)

Handle = Callable[[Request], Awaitable[Response]]
"""Makes the answer to a request. A Response that raises before it has begun to answer counts as the handler's fault."""

Refuse = Callable[[HeadraceError], HttpError]
"""An error as the dialect says it."""


class Endpoint:
    """An ASGI application for one path; unlike Starlette's own, it refuses other methods in the dialect's form."""

    def __init__(self, method: str, handle: Handle, refuse: Refuse) -> None:
        self.method = method
        self._handle = handle
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            self._check_method(request)
            response = await self._handle(request)
            await response(scope, receive, send)
        except ClientDisconnect:
            return  # nobody reads the answer
        except HeadraceError as error:
            await self._refusal(error)(scope, receive, send)
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            fault = Internal("the server failed on this request; its log says why")
            await self._refusal(fault)(scope, receive, send)

    def _check_method(self, request: Request) -> None:
        if request.method != self.method and not (request.method == "HEAD" and self.method == "GET"):
            raise MethodNotAllowed(f"{request.method} is not for {request.url.path}; use {self.method}")

    def _refusal(self, error: HeadraceError) -> Response:
        status, body, headers = self._refuse(error)
        if isinstance(error, MethodNotAllowed):
            headers["allow"] = self.method
        return Response(body, status, headers, "application/json")
