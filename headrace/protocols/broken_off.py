"""What still runs when the server has drained for as long as it may: its answer is an error that says so."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.errors import Draining
from headrace.protocols.http import error_response
from headrace.protocols.request_id import id_of
from headrace.protocols.sse import CONNECTION, until_gone


def broken_off() -> Draining:
    """Why it is not answered."""
    return Draining("the server shuts down, and this was not done within server.drain_s", retry_after_s=1)


class BrokenOff:
    """An ASGI application in front of another: a request that is cancelled before its answer has begun is told why.

    One whose answer has begun ends with its connection, which is how HTTP says that something is missing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except asyncio.CancelledError:
            if begun:
                scope["extensions"][CONNECTION]["transport"].abort()
                await until_gone(receive)  # uvicorn knows then that nothing is amiss
            else:
                await error_response(broken_off(), id_of(scope))(scope, receive, send)
