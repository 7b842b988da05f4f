"""Each request of a dialect is recorded once, also where it is refused before the gateway has it."""

from typing import Any

import pytest

from headrace.protocols.anthropic.routes import routes as anthropic_routes
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.generate import routes as generate_routes
from headrace.protocols.ollama.routes import routes as ollama_routes
from headrace.protocols.openai.routes import routes as openai_routes
from headrace.protocols.unread import LONG_BYTES
from headrace.records import RequestRecord
from tests.protocols.dialect_server import dialect_server, whole
from tests.protocols.openai.server import USER, Server

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _all(front: Front) -> list[Any]:
    return [*anthropic_routes(front), *openai_routes(front), *ollama_routes(front), *generate_routes(front)]


def _told(server: Server) -> list[tuple[str, str]]:
    """The model and the code of each request."""
    return [(each.model, each.error) for each in server.stub.records if isinstance(each, RequestRecord)]


def _asks(model: str) -> list[tuple[str, dict[str, Any]]]:
    """One request to each route that asks a model."""
    chat = {"model": model, "messages": USER}
    return [
        ("/v1/chat/completions", chat),
        ("/v1/completions", {"model": model, "prompt": "?"}),
        ("/v1/responses", {"model": model, "input": "?"}),
        ("/v1/responses/input_tokens", {"model": model, "input": "?"}),
        ("/v1/embeddings", {"model": model, "input": "?"}),
        ("/tokenize", {"model": model, "prompt": "?"}),
        ("/detokenize", {"model": model, "tokens": [1]}),
        ("/v1/rerank", {"model": model, "query": "?", "documents": ["a"]}),
        ("/v1/messages", chat | {"max_tokens": 1}),
        ("/v1/messages/count_tokens", chat),
        ("/api/chat", chat),
        ("/api/generate", {"model": model, "prompt": "?"}),
        ("/api/embed", {"model": model, "input": "?"}),
        ("/api/embeddings", {"model": model, "prompt": "?"}),
        (f"/v2/models/{model}/generate", {"text_input": "?"}),
        (f"/v2/models/{model}/generate_stream", {"text_input": "?"}),
    ]


async def test_a_model_that_is_not_there_or_not_ready_is_recorded_on_every_route() -> None:
    async with dialect_server(_all) as server:
        for path, body in _asks("nothing"):
            assert (await server.ask("POST", path, body)).status == 404, path
        for path, body in _asks("add_sub_loading"):
            assert (await server.ask("POST", path, body)).status == 503, path
        number = len(_asks(""))
        assert _told(server) == [
            *[("nothing", "model_not_found")] * number,
            *[("add_sub_loading", "model_unavailable")] * number,
        ]


async def test_one_is_recorded_with_the_id_that_its_client_is_told_its_trace_and_its_tenant() -> None:
    headers = {"traceparent": TRACE, "x-tenant": "bob"}
    async with dialect_server(_all) as server:
        answer = await server.ask("POST", "/v1/embeddings", {"model": "nothing", "input": "?"}, **headers)
        (record,) = [each for each in server.stub.records if isinstance(each, RequestRecord)]
    assert (record.id, record.trace, record.tenant) == (answer.headers["x-request-id"], TRACE, "bob")
    assert 0 < record.arrived_ns <= record.finished_ns


@pytest.mark.parametrize(
    ("body", "model"),
    [
        ({"model": "chat", "messages": USER, "temperature": "hot"}, "chat"),
        ({"model": "chat", "messages": USER, "temperature": -4}, "chat"),
        ({"model": "add_sub", "messages": USER}, "add_sub"),
        ({"model": 4, "messages": USER}, ""),
        (b'{"model": "chat"', ""),
        ({"model": "chat", "no": "x" * LONG_BYTES}, ""),
    ],
)
async def test_what_cannot_be_read_is_recorded_with_its_model_where_that_can(body: Any, model: str) -> None:
    async with dialect_server(_all) as server:
        assert (await server.ask("POST", "/v1/chat/completions", body)).status == 400
        assert _told(server) == [(model, "invalid_request")]


async def test_a_header_that_is_wrong_has_the_request_recorded() -> None:
    async with dialect_server(_all) as server:
        await server.ask("POST", "/v1/chat/completions", {"model": "chat", "messages": USER}, **{"x-slo-ms": "abc"})
        assert _told(server) == [("chat", "invalid_request")]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_gateway_has_is_recorded_by_that_alone(stream: bool) -> None:
    async with dialect_server(_all) as server:
        body = {"model": "chat", "messages": USER, "stream": stream}
        await whole(server.port, "POST", "/v1/chat/completions", body)
        server.stub.gateway.draining = True
        assert (await server.ask("POST", "/v1/chat/completions", body)).status == 503
        assert _told(server) == [("chat", ""), ("chat", "draining")]


async def test_a_handler_that_breaks_is_recorded_as_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.protocols.openai.embeddings.find_model", None)
    async with dialect_server(_all) as server:
        assert (await server.ask("POST", "/v1/embeddings", {"model": "embedder", "input": "?"})).status == 500
        assert _told(server) == [("", "internal")]
