"""Every route refuses in OpenAI's form, whatever is sent."""

from typing import Any

import msgspec
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.protocols.openai.chat_request import ChatBody, chat_ask, read_chat
from headrace.protocols.openai.completion_request import CompletionBody, completion_asks, read_completion
from tests.fakes_generation import CHAT
from tests.protocols.openai.server import USER, openai_server

POSTS = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/tokenize",
    "/detokenize",
    "/rerank",
    "/v1/rerank",
    "/v2/rerank",
]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    ("body", "param"), [(b"{", None), (b"[]", None), (b"\xff", None), (b'{"nonsense": 1}', "nonsense"), (b"", "*")]
)
async def test_a_body_that_is_none_is_refused(path: str, body: bytes, param: str | None) -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", path, body)
    error = answer.json["error"]
    assert (answer.status, error["type"], error["code"]) == (400, "invalid_request_error", "invalid_request")
    assert error["message"]
    assert param == "*" or error["param"] == param


@pytest.mark.parametrize("path", [*POSTS, "/v1/models", "/v1/models/chat", "/version"])
async def test_another_method_is_refused(path: str) -> None:
    async with openai_server() as server:
        answer = await server.ask("DELETE", path)
    assert (answer.status, answer.json["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] in ("GET", "POST")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_what_is_not_offered_is_not_found_in_words_that_its_clients_show(method: str) -> None:
    async with openai_server() as server:
        answer = await server.ask(method, "/v1/images/generations")
    error = answer.json["error"]
    assert (answer.status, error["message"]) == (404, "there is no /v1/images/generations here")


async def test_a_slash_too_many_leads_to_the_path_without_it() -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", "/v1/chat/completions/")
    assert (answer.status, answer.headers["location"].endswith("/v1/chat/completions")) == (307, True)


async def test_a_body_over_the_limit_is_refused() -> None:
    async with openai_server(max_body_bytes=1000) as server:
        answer = await server.ask("POST", "/v1/completions", {"model": "base", "prompt": "a" * 1000})
    assert (answer.status, answer.json["error"]["code"]) == (413, "body_too_large")


async def test_the_sdk_knows_a_model_that_is_not_there() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        with pytest.raises(openai.NotFoundError) as caught:
            await sdk.chat.completions.create(model="nothing", messages=[{"role": "user", "content": "?"}])
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


async def test_the_version_is_told() -> None:
    async with openai_server() as server:
        assert (await server.ask("GET", "/version")).json == {"version": "0.0.0"}


async def test_the_sdk_gets_json_of_a_schema() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        server.chat.words = ('{"city": ', '"Paris"}')
        answer = await sdk.chat.completions.create(
            model="chat",
            messages=[{"role": "user", "content": "?"}],
            response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}},
        )
    assert msgspec.json.decode(answer.choices[0].message.content or "") == {"city": "Paris"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name", "role", "x"]), inner),
    max_leaves=5,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(ChatBody.__struct_encode_fields__), VALUES, max_size=4))
def test_no_fields_of_a_chat_are_a_fault_of_the_servers(fields: dict[str, Any]) -> None:
    try:
        chat_ask(read_chat.decode(msgspec.json.encode({"messages": USER} | fields)), CHAT)
    except InvalidRequest as error:
        assert error.message


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(CompletionBody.__struct_encode_fields__), VALUES, max_size=4))
def test_no_fields_of_a_completion_are_a_fault_of_the_servers(fields: dict[str, Any]) -> None:
    try:
        completion_asks(read_completion.decode(msgspec.json.encode({"prompt": "a"} | fields)), CHAT)
    except InvalidRequest as error:
        assert error.message
