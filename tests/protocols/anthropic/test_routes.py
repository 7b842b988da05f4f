"""Every route of the Anthropic API refuses in its form, whatever is sent."""

import pytest

from headrace.protocols.anthropic.routes import routes
from tests.protocols.dialect_server import dialect_server

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
    body = {"model": "nothing", "max_tokens": 1, "messages": [{"role": "user", "content": "?"}]}
    async with dialect_server(routes) as server:
        answer = await server.ask("POST", "/v1/messages", body)
    assert (answer.status, answer.json["error"]["type"]) == (404, "not_found_error")


async def test_what_is_not_offered_is_not_found_in_the_same_form() -> None:
    async with dialect_server(routes) as server:
        answer = await server.ask("POST", "/v1/messages/batches")
    told = {"type": "not_found_error", "message": "there is no /v1/messages/batches here"}
    assert (answer.status, answer.json["error"]) == (404, told)
