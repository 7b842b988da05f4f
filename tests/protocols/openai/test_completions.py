"""Completions, whole and streamed."""

from typing import Any

import msgspec

from headrace.generation import Delta, Generated, TokenLogprob, Usage
from headrace.protocols.openai.completions import CompletionOptions, completion_pieces
from headrace.protocols.openai.pieces import Head
from tests.protocols.openai.server import openai_server

TEXT = "Paris is the capital of France."
PATH = "/v1/completions"


async def test_the_sdk_gets_a_whole_answer() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        answer = await sdk.completions.create(model="base", prompt="Which city?")
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == (TEXT, "stop")
    assert answer.object == "text_completion"
    assert answer.usage
    assert answer.usage.total_tokens == 18


async def test_the_sdk_gets_a_stream() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        stream = await sdk.completions.create(
            model="base", prompt="?", stream=True, max_tokens=3, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == "Paris is the"
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == 3


async def test_several_prompts_are_several_choices() -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", PATH, {"model": "base", "prompt": ["a", "bc"], "n": 2, "echo": True})
    assert [choice["index"] for choice in answer.json["choices"]] == [0, 1, 2, 3]
    assert [choice["text"] for choice in answer.json["choices"]] == ["a" + TEXT] * 2 + ["bc" + TEXT] * 2
    assert answer.json["usage"]["prompt_tokens"] == 3
    assert answer.json["usage"]["completion_tokens"] == 28


async def test_several_prompts_share_a_stream() -> None:
    body = {"model": "base", "prompt": ["a", "bc"], "stream": True, "stream_options": {"include_usage": True}}
    async with openai_server() as server:
        *events, usage, done = await server.stream(PATH, body)
    for index in (0, 1):
        assert "".join(e["choices"][0]["text"] for e in events if e["choices"][0]["index"] == index) == TEXT
    assert (usage["usage"]["prompt_tokens"], done) == (3, "[DONE]")


async def test_logprobs_are_four_lists_with_the_prompts_where_it_is_echoed() -> None:
    body: dict[str, Any] = {"model": "base", "prompt": "ab", "echo": True, "logprobs": 1, "max_tokens": 1}
    async with openai_server() as server:
        answer = await server.ask("POST", PATH, body)
        events = await server.stream(PATH, body | {"stream": True})
    expected = {
        "tokens": ["a", "b", "Paris"],
        "token_logprobs": [None, -0.5, -0.5],
        "top_logprobs": [None, {"t0": -1.0, "b": -0.5}, {"t0": -1.0, "Paris": -0.5}],
        "text_offset": [0, 1, 2],
    }
    assert answer.json["choices"][0]["logprobs"] == expected
    assert events[0]["choices"][0]["logprobs"] == expected


async def test_offsets_go_on_from_chunk_to_chunk() -> None:
    async with openai_server() as server:
        *events, _ = await server.stream(PATH, {"model": "base", "prompt": "a", "logprobs": 0, "stream": True})
    offsets = [event["choices"][0]["logprobs"]["text_offset"][0] for event in events]
    assert offsets == [0, 5, 8, 12, 20, 23, 30]


async def test_token_ids_and_usage_are_told_in_each_chunk_where_asked_for() -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    body = {"model": "base", "prompt": "a", "stream": True, "return_token_ids": True, "stream_options": options}
    async with openai_server() as server:
        events = await server.stream(PATH, body)
    assert events[0]["choices"][0]["prompt_token_ids"] == [97]
    assert [event["choices"][0]["token_ids"] for event in events[:-2]] == [[i] for i in range(7)]
    assert [event["usage"]["completion_tokens"] for event in events[:-1]] == [1, 2, 3, 4, 5, 6, 7, 7]


async def test_the_prompts_logprobs_are_told_in_vllms_form_too() -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", PATH, {"model": "base", "prompt": "ab", "prompt_logprobs": 0})
    told = {"98": {"logprob": -0.5, "rank": 1, "decoded_token": "b"}}
    assert answer.json["choices"][0]["prompt_logprobs"] == [None, told]


def test_a_prompts_logprobs_are_written_once_for_all_its_choices() -> None:
    prompt = tuple(TokenLogprob(0, "a", b"a", None if not i else -1.0) for i in range(300))
    own = (TokenLogprob(1, "b", b"b", -2.0),)
    generated = Generated(tuple(Delta(i, "b", logprobs=own) for i in range(3)), Usage(300, 3), prompt)
    head = Head("cmpl-1", "text_completion", 1, "base", "headrace")
    pieces = completion_pieces(head, [generated], CompletionOptions(n=3, echo=True, logprobs=True), lambda: None)
    assert len({id(piece) for piece in pieces if len(piece) > 600}) == 4
    choices = msgspec.json.decode(b"".join(pieces))["choices"]
    assert [len(choice["logprobs"]["tokens"]) for choice in choices] == [301] * 3
    assert [choice["logprobs"]["text_offset"][-1] for choice in choices] == [300] * 3


def test_what_an_answer_begins_with_goes_on_no_character_of_its_prompt() -> None:
    prompt, own = (TokenLogprob(0, "", b"\xe6", None),), (TokenLogprob(1, "", b"\x97", -1.0),)
    generated = Generated((Delta(0, "��", logprobs=own),), Usage(1, 1), prompt)
    head = Head("cmpl-1", "text_completion", 1, "base", "headrace")
    pieces = completion_pieces(head, [generated], CompletionOptions(echo=True, logprobs=True), lambda: None)
    assert msgspec.json.decode(b"".join(pieces))["choices"][0]["logprobs"]["text_offset"] == [0, 1]
