"""Texts that the Ollama API continues."""

from typing import Any

import pytest

from headrace.errors import InvalidRequest
from headrace.generation import LanguageFacts, Prompt
from headrace.protocols.ollama.generate import GenerateBody, generate_prompt
from tests.fakes_generation import BASE, CHAT
from tests.protocols.ollama.server import TEXT, lines, ollama_server, sdk


def prompt(facts: LanguageFacts = CHAT, **fields: Any) -> Prompt:
    return generate_prompt(GenerateBody(model="m", **{"prompt": "Hi"} | fields), facts)


async def test_the_sdk_gets_a_whole_answer() -> None:
    async with ollama_server() as server, sdk(server) as client:
        answer = await client.generate("chat", "Which city?", system="Be brief.")
    assert (answer.response, answer.done, answer.done_reason) == (TEXT, True, "stop")


async def test_the_sdk_gets_a_stream() -> None:
    async with ollama_server() as server, sdk(server) as client:
        parts = [part async for part in await client.generate("base", "Which city?", stream=True)]
    assert "".join(part.response or "" for part in parts) == TEXT
    assert [part.done for part in parts] == [False] * 7 + [True]


async def test_a_piece_is_a_line() -> None:
    async with ollama_server() as server:
        found = await lines(server, "/api/generate", {"model": "chat", "prompt": "?", "options": {"num_predict": 1}})
    begun = {"model": "chat", "created_at": "2023-11-14T22:13:20Z"}
    assert found[0] == {**begun, "response": "Paris", "done": False}
    assert found[1]["done_reason"] == "length"


async def test_no_prompt_only_loads_the_model() -> None:
    async with ollama_server() as server, sdk(server) as client:
        answer = await client.generate("chat")
    assert (answer.done, answer.done_reason, answer.response) == (True, "load", "")


def test_a_prompt_is_a_message_of_the_users() -> None:
    messages = prompt(system="Be brief.").messages
    assert messages == ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"})


@pytest.mark.parametrize(("facts", "raw"), [(CHAT, True), (BASE, False)])
def test_a_raw_prompt_or_one_without_a_template_is_a_text(facts: LanguageFacts, raw: bool) -> None:
    assert prompt(facts, raw=raw).text == "Hi"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"images": ["AAAA"]}, "images"),
        ({"suffix": "x"}, "suffix"),
        ({"template": "{{ .Prompt }}"}, "template"),
        ({"context": [1]}, "context"),
        ({"width": 64}, "width"),
        ({"system": "s", "raw": True}, "system"),
    ],
)
def test_what_is_refused_is_refused_by_its_name(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        prompt(**fields)
    assert caught.value.where == where
