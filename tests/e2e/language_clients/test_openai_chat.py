"""Chat and completions through the `openai` SDK, sync and async."""

import asyncio
import json
import re
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel, Field

from tests.e2e.language_clients.asked import CHAT, CITY, MESSAGES, QUESTION, WEATHER

pytestmark = pytest.mark.slow

TOOL: Any = {"type": "function", "function": {"name": WEATHER, "description": "Its weather", "parameters": CITY}}


class Verdict(BaseModel):
    city: str = Field(max_length=20)
    size: Literal["small", "large"]


def chat(client: openai.OpenAI, **more: Any) -> Any:
    given: dict[str, Any] = {"messages": MESSAGES, "temperature": 0, "max_tokens": 40} | more
    return client.chat.completions.create(model=CHAT, **given)


def text(answer: Any) -> str:
    return str(answer.choices[0].message.content)


def test_every_choice_has_its_index_and_its_own_text(client: openai.OpenAI) -> None:
    choices = chat(client, n=3, temperature=1.0, seed=7, max_tokens=12).choices
    assert [choice.index for choice in choices] == [0, 1, 2]
    assert len({choice.message.content for choice in choices}) > 1


def test_choices_stream_side_by_side(client: openai.OpenAI) -> None:
    asked: Any = {"n": 2, "temperature": 1.0, "seed": 7, "max_tokens": 12}
    whole = [choice.message.content for choice in chat(client, **asked).choices]
    texts = ["", ""]
    for chunk in chat(client, stream=True, **asked):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == whole


def test_log_probabilities_say_that_greedy_takes_the_likeliest(client: openai.OpenAI) -> None:
    choice = chat(client, logprobs=True, top_logprobs=3).choices[0]
    told = choice.logprobs.content
    assert "".join(each.token for each in told).startswith(choice.message.content)
    assert all(each.logprob == each.top_logprobs[0].logprob <= 0 for each in told)
    assert all(len(each.top_logprobs) == 3 for each in told)


def test_a_stop_string_ends_the_text_and_is_not_in_it(client: openai.OpenAI) -> None:
    whole = text(chat(client))
    stop = whole[10:14]
    choice = chat(client, stop=[stop, "never said"]).choices[0]
    assert choice.message.content == whole[: whole.index(stop)]
    assert (choice.finish_reason, choice.stop_reason) == ("stop", stop)


def test_a_token_that_is_forbidden_is_not_said(client: openai.OpenAI) -> None:
    first = chat(client, max_tokens=1, logprobs=True, extra_body={"return_token_ids": True}).choices[0]
    (token,) = first.token_ids
    other = chat(client, max_tokens=1, logit_bias={str(token): -100}).choices[0]
    assert other.message.content != first.message.content


def test_bad_words_are_not_said_streamed_or_not(client: openai.OpenAI) -> None:
    said = text(chat(client))
    words = [word for word in re.findall(r"\w+", said) if len(word) > 2][:3]
    whole = text(chat(client, extra_body={"bad_words": words}))
    assert words
    assert not set(words) & set(re.findall(r"\w+", whole))
    pieces = chat(client, stream=True, extra_body={"bad_words": words})
    assert "".join(chunk.choices[0].delta.content or "" for chunk in pieces if chunk.choices) == whole


def test_only_allowed_tokens_are_said(client: openai.OpenAI) -> None:
    told = chat(client, extra_body={"return_token_ids": True}).choices[0]
    allowed = told.token_ids[:4]
    asked = {"allowed_token_ids": allowed, "return_token_ids": True}
    for choice in chat(client, n=2, temperature=1, max_tokens=8, extra_body=asked).choices:
        assert set(choice.token_ids) <= set(allowed)
        assert (len(choice.token_ids), choice.finish_reason) == (8, "length")


def test_a_penalty_changes_the_text(client: openai.OpenAI) -> None:
    asked: Any = {"messages": [{"role": "user", "content": "Say la la la la la la."}], "max_tokens": 24}
    assert text(chat(client, **asked)) != text(chat(client, **asked, frequency_penalty=2.0))


def test_a_model_of_pydantic_is_parsed(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(model=CHAT, messages=MESSAGES, response_format=Verdict, temperature=0)
    assert isinstance(parsed.choices[0].message.parsed, Verdict)


def test_any_object_is_an_object(client: openai.OpenAI) -> None:
    messages = [{"role": "user", "content": "Give Paris as a JSON object with the key city."}]
    choice = chat(client, messages=messages, response_format={"type": "json_object"}, max_tokens=200).choices[0]
    assert choice.finish_reason == "stop"
    assert isinstance(json.loads(choice.message.content), dict)


def test_a_required_tool_is_called_and_its_result_answered(client: openai.OpenAI) -> None:
    asked: Any = {"tools": [TOOL], "parallel_tool_calls": False}
    choice = chat(client, **asked, tool_choice="required", max_tokens=80).choices[0]
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, call.type, call.function.name) == ("tool_calls", "function", WEATHER)
    assert set(json.loads(call.function.arguments)) == {"city"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "It is sunny."}
    after = chat(client, **asked, messages=[*MESSAGES, choice.message, result], tool_choice="none")
    assert text(after)


def test_a_tool_call_streams_as_the_sdk_gathers_it(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model=CHAT, messages=MESSAGES, tools=[TOOL], tool_choice="required", parallel_tool_calls=False, temperature=0
    ) as stream:
        kinds = {event.type for event in stream}
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert "tool_calls.function.arguments.delta" in kinds
    assert calls
    (call,) = calls
    assert set(json.loads(call.function.arguments)) == {"city"}


def test_prompts_of_one_request_are_continued_each(client: openai.OpenAI) -> None:
    prompts = ["The sun rises in the", "One, two, three,"]
    made = client.completions.create(model=CHAT, prompt=prompts, max_tokens=4, temperature=0, n=2, best_of=2)
    assert [choice.index for choice in made.choices] == [0, 1, 2, 3]
    assert made.choices[0].text == made.choices[1].text
    assert made.choices[2].text.startswith(" four")
    assert made.usage and made.usage.completion_tokens == 16


def test_a_completion_streams(client: openai.OpenAI) -> None:
    asked: Any = {"model": CHAT, "prompt": "One, two, three,", "max_tokens": 8, "temperature": 0}
    whole = client.completions.create(**asked, logprobs=2).choices[0]
    chunks = list(client.completions.create(**asked, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.text
    assert chunks[-1].choices[0].finish_reason == "length"
    assert whole.logprobs and whole.logprobs.tokens
    assert "".join(whole.logprobs.tokens) == whole.text


async def test_the_async_client_asks_much_at_once(async_client: openai.AsyncOpenAI, client: openai.OpenAI) -> None:
    prompts = [f"{number} and {number} is" for number in range(8)]
    asked: Any = {"model": CHAT, "max_tokens": 6, "temperature": 0}
    found = await asyncio.gather(*(async_client.completions.create(prompt=each, **asked) for each in prompts))
    alone = client.completions.create(prompt=prompts, **asked)
    assert [each.choices[0].text for each in found] == [choice.text for choice in alone.choices]


async def test_the_async_client_streams_and_may_leave(async_client: openai.AsyncOpenAI) -> None:
    asked: Any = {"model": CHAT, "messages": MESSAGES, "temperature": 0, "stream": True}
    async with await async_client.chat.completions.create(**asked, max_tokens=4000) as stream:
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    pieces = [chunk async for chunk in await async_client.chat.completions.create(**asked, max_tokens=8)]
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces)


def test_a_conversation_has_as_many_tokens_as_it_is_said_to(client: openai.OpenAI) -> None:
    used = chat(client, max_tokens=1).usage.prompt_tokens
    made: Any = client.post("../tokenize", body={"model": CHAT, "messages": MESSAGES}, cast_to=object)
    assert made["count"] == used
    text_of: Any = client.post("../detokenize", body={"model": CHAT, "tokens": made["tokens"]}, cast_to=object)
    assert QUESTION in text_of["prompt"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"temperature": -1}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"n": 0}, "n"),
        ({"logit_bias": {"99999999": 1}}, "logit_bias"),
        ({"messages": [{"role": "wizard", "content": "hi"}]}, "messages[0].role"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "cow"}}}}, None),
    ],
)
def test_what_is_wrong_is_a_bad_request_that_names_the_field(
    client: openai.OpenAI, more: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        chat(client, **more)
    assert refusal.value.param
    assert param is None or refusal.value.param.startswith(param)


def test_a_model_that_is_not_there_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody", messages=MESSAGES)
