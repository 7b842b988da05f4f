"""Every fault on a route is told in its dialect's words."""

import asyncio
import gc
import weakref

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Scope

from headrace.errors import HeadraceError, InvalidRequest
from headrace.protocols.endpoint import Endpoint
from headrace.protocols.http_error import HttpError


def refuse(error: HeadraceError) -> HttpError:
    return HttpError(418, f"dialect: {error}".encode(), {})


async def answer(
    method: str, fault: Exception | None = None, only: str = "POST", more: str = ""
) -> tuple[int, bytes, dict[bytes, bytes]]:
    """Status, body and headers; status 0 where nothing is sent."""
    sent: list[Message] = []

    async def handle(request: Request) -> Response:
        if fault:
            raise fault
        return Response(b"fine")

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope: Scope = {"type": "http", "method": method, "path": "/p", "headers": [], "query_string": b"", "server": None}
    await Endpoint(only, handle, refuse, {more: handle} if more else None)(scope, receive, send)
    if not sent:
        return 0, b"", {}
    return sent[0]["status"], sent[1]["body"], dict(sent[0]["headers"])


async def test_a_handler_answers() -> None:
    assert (await answer("POST"))[:2] == (200, b"fine")


async def test_another_method_is_refused_and_the_right_one_named() -> None:
    status, body, headers = await answer("DELETE")
    assert (status, body) == (418, b"dialect: DELETE is not for /p; use POST")
    assert headers[b"allow"] == b"POST"


async def test_a_path_may_have_several_methods() -> None:
    assert (await answer("DELETE", only="GET", more="DELETE"))[:2] == (200, b"fine")
    assert (await answer("POST", only="GET", more="DELETE"))[2][b"allow"] == b"GET, DELETE"


async def test_what_can_be_got_has_a_head() -> None:
    assert (await answer("HEAD", only="GET"))[0] == 200


async def test_an_error_is_told() -> None:
    assert (await answer("POST", InvalidRequest("no", "n")))[:2] == (418, b"dialect: n: no")


async def test_a_fault_of_the_servers_own_is_told_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    _, body, _ = await answer("POST", ZeroDivisionError("secret"))
    assert body == b"dialect: the server failed on this request; its log says why"
    assert "secret" in caplog.text


async def test_a_client_that_left_is_told_nothing() -> None:
    assert (await answer("POST", ClientDisconnect()))[0] == 0


class Large:
    """What a request holds."""


async def test_what_a_refused_request_held_is_let_go_without_the_garbage_collector() -> None:
    held: list[weakref.ref[Large]] = []

    async def handle(request: Request) -> Response:
        large, refused = Large(), asyncio.get_running_loop().create_future()
        held.append(weakref.ref(large))
        refused.set_exception(InvalidRequest("too long"))
        await refused
        return Response()

    async def send(message: Message) -> None: ...

    async def receive() -> Message:
        return {"type": "http.request"}

    scope: Scope = {"type": "http", "method": "POST", "path": "/p", "headers": [], "query_string": b"", "server": None}
    gc.disable()
    try:
        await Endpoint("POST", handle, refuse)(scope, receive, send)
        assert held[0]() is None
    finally:
        gc.enable()
