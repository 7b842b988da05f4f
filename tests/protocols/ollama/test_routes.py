"""Every route of the Ollama API refuses in its form, whatever is sent."""

import pytest

from tests.protocols.ollama.server import ollama_server

POSTS = ["/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api/show"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"nonsense": 1}', b""])
async def test_a_body_that_is_none_is_refused(path: str, body: bytes) -> None:
    async with ollama_server() as server:
        answer = await server.ask("POST", path, body)
    assert answer.status == 400
    assert isinstance(answer.json["error"], str)


@pytest.mark.parametrize("path", [*POSTS, "/api/tags", "/api/ps", "/api/version"])
async def test_another_method_is_refused(path: str) -> None:
    async with ollama_server() as server:
        answer = await server.ask("DELETE", path)
    assert (answer.status, answer.headers["allow"]) == (
        405,
        "GET" if path in ("/api/tags", "/api/ps", "/api/version") else "POST",
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/pull"),
        ("POST", "/api/push"),
        ("POST", "/api/create"),
        ("POST", "/api/copy"),
        ("DELETE", "/api/delete"),
    ],
)
async def test_models_are_not_brought_by_requests(method: str, path: str) -> None:
    async with ollama_server() as server:
        answer = await server.ask(method, path, {"model": "a"})
    assert answer.status == 501
    assert "models come from the folder" in answer.json["error"]


async def test_the_version_is_that_of_the_api_which_clients_compare_and_the_servers_stands_beside_it() -> None:
    async with ollama_server() as server:
        assert (await server.ask("GET", "/api/version")).json == {"version": "0.30.0", "headrace": "0.0.0"}
