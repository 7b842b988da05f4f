"""Text to tokens and back."""

from typing import Any

import pytest

from headrace.generation import Tokenize
from tests.protocols.openai.server import openai_server


async def test_a_text_has_tokens() -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", "/tokenize", {"model": "chat", "prompt": "ab", "return_token_strs": True})
    assert answer.json == {"count": 2, "max_model_len": 2048, "tokens": [97, 98], "token_strs": ["a", "b"]}


async def test_a_conversation_has_tokens() -> None:
    messages = [{"role": "user", "content": "ab"}]
    body = {"model": "chat", "messages": messages, "add_generation_prompt": False, "chat_template_kwargs": {"a": 1}}
    async with openai_server() as server:
        answer = await server.ask("POST", "/tokenize", body)
        asked = server.chat.requests[0].ask
    assert answer.json["tokens"] == [97, 98]
    assert isinstance(asked, Tokenize)
    assert (asked.prompt.add_generation_prompt, asked.prompt.template_arguments) == (False, {"a": 1})


async def test_tokens_have_a_text() -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", "/detokenize", {"model": "chat", "tokens": [97, 98]})
    assert answer.json == {"prompt": "ab"}


@pytest.mark.parametrize(
    ("path", "fields", "where"),
    [
        ("/tokenize", {}, "prompt"),
        ("/tokenize", {"prompt": "a", "messages": []}, "prompt"),
        ("/detokenize", {"tokens": [1, 300]}, "tokens[1]"),
        ("/detokenize", {}, "tokens"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_name(path: str, fields: dict[str, Any], where: str) -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", path, {"model": "chat"} | fields)
    assert (answer.status, answer.json["error"]["param"]) == (400, where)
