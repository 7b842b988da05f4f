"""What is answered to requests that the end of the server cuts short."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.protocols.broken_off import BrokenOff
from headrace.protocols.sse import CONNECTION


class Connection:
    """What a request knows of its connection: aborted, it tells its reader."""

    def __init__(self) -> None:
        self.aborted = asyncio.Event()
        self.sent: list[MutableMapping[str, Any]] = []
        self.scope: Scope = {"type": "http", "extensions": {CONNECTION: {"transport": self}}}

    def abort(self) -> None:
        self.aborted.set()

    async def receive(self) -> MutableMapping[str, Any]:
        await self.aborted.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)

    async def cancelled_in(self, app: ASGIApp) -> None:
        """Ask, and be cancelled once the application waits."""
        asking = asyncio.ensure_future(_asked(BrokenOff(app), self))
        await asyncio.sleep(0)
        asking.cancel()
        await asking


async def _asked(app: ASGIApp, connection: Connection) -> None:
    await app(connection.scope, connection.receive, connection.send)


async def test_a_request_without_an_answer_is_told_that_the_server_shuts_down() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    connection = Connection()
    await connection.cancelled_in(app)
    start, body = connection.sent
    assert (start["status"], json.loads(body["body"])["code"]) == (503, "draining")
    assert not connection.aborted.is_set()


async def test_an_answer_that_has_begun_ends_with_its_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    connection = Connection()
    await connection.cancelled_in(app)
    assert connection.aborted.is_set()
    assert [message["type"] for message in connection.sent] == ["http.response.start"]
