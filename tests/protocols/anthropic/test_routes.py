"""Every route of the Anthropic API refuses in its form, whatever is sent."""

from typing import Any

import pytest

from headrace.protocols.anthropic.routes import routes
from tests.protocols.dialect_server import dialect_server
from tests.protocols.oip.http_server import connected

ASK = {"model": "chat", "max_tokens": 1, "messages": [{"role": "user", "content": "?"}]}
POSTS = ["/v1/messages", "/v1/messages/count_tokens"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"nonsense": 1}', b""])
async def test_a_body_that_is_none_is_refused(path: str, body: bytes) -> None:
    async with dialect_server(routes) as server:
        answer = await server.ask("POST", path, body)
    assert answer.status == 400
    assert answer.json["type"] == "error"
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert answer.json["error"]["message"]


@pytest.mark.parametrize("path", POSTS)
async def test_another_method_is_refused(path: str) -> None:
    async with dialect_server(routes) as server:
        answer = await server.ask("GET", path)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_a_model_that_is_not_there_is_not_found() -> None:
    async with dialect_server(routes) as server:
        answer = await server.ask("POST", "/v1/messages", ASK | {"model": "nothing"})
    assert (answer.status, answer.json["error"]["type"]) == (404, "not_found_error")


async def test_what_is_not_offered_is_not_found_in_the_same_form() -> None:
    async with dialect_server(routes) as server:
        answer = await server.ask("POST", "/v1/messages/batches")
    told = {"type": "not_found_error", "message": "there is no /v1/messages/batches here"}
    assert (answer.status, answer.json["error"]) == (404, told)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/messages", ASK, 200),
        ("POST", "/v1/messages", ASK | {"stream": True}, 200),
        ("POST", "/v1/messages", ASK | {"model": "nothing"}, 404),
        ("POST", "/v1/messages", {"nonsense": 1}, 400),
        ("POST", "/v1/messages/count_tokens", {"model": "chat", "messages": ASK["messages"]}, 200),
        ("GET", "/v1/messages", None, 405),
        ("POST", "/v1/messages/batches", {}, 404),
        ("GET", "/v1/models/nothing", None, 404),
    ],
)
async def test_every_answer_names_its_request_as_anthropics_do(method: str, path: str, body: Any, status: int) -> None:
    async with dialect_server(routes) as server:
        answer = await server.ask(method, path, body, anthropic_version="2023-06-01")
    assert answer.status == status
    assert answer.headers["request-id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nX-Long: %b\r\n\r\n" % (b"x" * 3000), 431),
        (b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n", 413),
        (b"nonsense\r\n\r\n", 400),
    ],
)
async def test_what_is_refused_before_a_route_is_looked_for_is_named_so_too(request_head: bytes, status: int) -> None:
    small = dialect_server(routes, max_header_bytes=2000, max_body_bytes=1000)
    async with small as server, connected(server.port) as wire:
        wire.send(request_head)
        answer = await wire.answer()
    assert answer.status == status
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
