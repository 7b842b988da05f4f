"""Every documented field of a completion is honoured, or refused by its name."""

from typing import Any

import msgspec
import openai.types.completion_create_params as documented
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Generate, Prompt
from headrace.protocols.openai.completion_request import CompletionBody, completion_asks, read_completion
from tests.fakes_generation import CHAT


def asks(**fields: Any) -> list[Generate]:
    body = read_completion.decode(msgspec.json.encode({"model": "chat", "prompt": "a"} | fields))
    return completion_asks(body, CHAT)


@pytest.mark.parametrize(
    "field",
    sorted(
        documented.CompletionCreateParamsStreaming.__annotations__
        | documented.CompletionCreateParamsBase.__annotations__
    ),
)
def test_every_field_that_openai_documents_is_known(field: str) -> None:
    assert field in CompletionBody.__struct_encode_fields__


def test_each_prompt_is_an_ask_of_its_own() -> None:
    assert [ask.prompt for ask in asks(prompt=["a", "b"])] == [
        Prompt(text="a", where="prompt[0]"),
        Prompt(text="b", where="prompt[1]"),
    ]
    assert [ask.prompt for ask in asks(prompt=[1, 2])] == [Prompt(token_ids=(1, 2), where="prompt")]


def test_sixteen_tokens_are_generated_where_nothing_is_said() -> None:
    assert asks()[0].sampling.max_tokens == 16
    assert asks(max_tokens=3)[0].sampling.max_tokens == 3


def test_an_echo_with_logprobs_has_those_of_the_prompt() -> None:
    (ask,) = asks(echo=True, logprobs=2, max_tokens=0)
    assert (ask.echo, ask.sampling.logprobs, ask.sampling.prompt_logprobs, ask.sampling.max_tokens) == (True, 2, 2, 0)


def test_the_best_of_several_is_kept() -> None:
    assert (asks(n=2, best_of=3)[0].n, asks(n=2, best_of=3)[0].best_of) == (2, 3)
    assert asks(n=2, best_of=2, stream=True)[0].best_of is None


@pytest.mark.parametrize("embeds", [None, []])
def test_no_embeds_of_a_prompt_are_taken(embeds: list[str] | None) -> None:
    """As clients of vLLM send them beside a text."""
    assert asks(prompt_embeds=embeds) == asks()


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"suffix": "x"}, "suffix"),
        ({"prompt_embeds": "x"}, "prompt_embeds"),
        ({"prompt_embeds": ["x"]}, "prompt_embeds"),
        ({"prompt_embeds": ""}, "prompt_embeds"),
        ({"logprobs": 21}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1, "echo": True}, "max_tokens"),
        ({"n": 2, "best_of": 1}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [300]}, "prompt[0]"),
        ({"prompt": ["a"] * 257}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"messages": []}, "messages"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asks(**fields)
    assert caught.value.where == where


def test_with_what_no_tokens_at_all_may_be_asked_for_is_said() -> None:
    with pytest.raises(InvalidRequest, match=r"^max_tokens: must be 1 or more; 0 goes with echo"):
        asks(max_tokens=0)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"prompt": ["a"] * 64, "n": 65}, "n"),
        ({"prompt": ["a"] * 64, "n": 2, "best_of": 65}, "best_of"),
        ({"prompt": ["a"] * 101}, "prompt"),
    ],
)
def test_more_than_could_ever_wait_together_is_refused_and_not_put_off(fields: dict[str, Any], where: str) -> None:
    body = read_completion.decode(msgspec.json.encode({"model": "chat"} | fields))
    with pytest.raises(InvalidRequest) as caught:
        completion_asks(body, msgspec.structs.replace(CHAT, max_requests=100))
    assert caught.value.where == where


def test_as_much_as_may_wait_together_is_taken() -> None:
    assert len(asks(prompt=["a"] * 64, n=64)) == 64
