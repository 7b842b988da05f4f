"""A captured text becomes the question that it came from, and two answers are told apart."""

from typing import Any

import pytest

from headrace.cli.captured import Choice, Text
from headrace.cli.failure import Failure
from headrace.cli.text_replay import CHAT, COMPLETIONS, Answer, answers_of, body_of, difference, is_drawn


def text(prompt: dict[str, Any], **ask: Any) -> Text:
    return Text({"prompt": prompt, **ask}, (Choice("a"),), 1, 2)


def test_messages_are_asked_as_a_chat() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    sampling = {"temperature": 0.0, "max_tokens": 5, "stop_ids": [3], "allowed_ids": [7], "logprobs": 2}
    path, body = body_of(text({"messages": messages}, sampling=sampling, n=2), "m:1")
    assert (path, body["messages"], body["model"], body["n"]) == (CHAT, messages, "m:1", 2)
    assert (body["temperature"], body["max_tokens"], body["stop_token_ids"]) == (0.0, 5, [3])
    assert body["return_token_ids"]
    assert body["allowed_token_ids"] == [7]
    assert "logprobs" not in body


def test_what_was_not_recommended_then_is_not_left_to_the_model_now() -> None:
    _, body = body_of(text({"text": "Hi"}, sampling={"top_k": 5}), "m")
    assert (body["temperature"], body["top_k"], body["top_p"], body["repetition_penalty"]) == (1.0, 5, 1.0, 1.0)


def test_tools_thinking_and_templates_are_asked_for_too() -> None:
    prompt = {
        "messages": [],
        "tools": [{"type": "function"}],
        "tool_choice": {"kind": "named", "name": "add", "parallel": False},
        "template_arguments": {"x": 1},
        "thinking": {"on": False, "max_tokens": 7},
        "chat_template": "t",
        "continue_final_message": True,
        "add_generation_prompt": False,
    }
    _, body = body_of(text(prompt), "m")
    assert body["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    assert (body["parallel_tool_calls"], body["chat_template_kwargs"], body["chat_template"]) == (False, {"x": 1}, "t")
    assert (body["reasoning_effort"], body["thinking_token_budget"]) == ("none", 7)
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


@pytest.mark.parametrize("said", [{"text": "Once"}, {"token_ids": [1, 2]}])
def test_a_text_or_tokens_are_asked_to_be_completed(said: dict[str, Any]) -> None:
    path, body = body_of(text({**said, "truncate_to": 9}, sampling={"seed": 3}, echo=True), "m")
    (prompt,) = said.values()
    assert (path, body["prompt"], body["echo"], body["seed"]) == (COMPLETIONS, prompt, True, 3)
    assert (body["max_tokens"], body["truncate_prompt_tokens"]) == (2, 9)


@pytest.mark.parametrize(
    ("grammar", "asked"),
    [
        ({"kind": "json_schema", "source": '{"type": "object"}'}, {"json": {"type": "object"}}),
        ({"kind": "choice", "source": '["a"]'}, {"choice": ["a"]}),
        ({"kind": "regex", "source": "a+"}, {"regex": "a+"}),
        ({"kind": "lark", "source": "start: X"}, {"grammar": "start: X"}),
        ({"kind": "json_object"}, {"json_object": True}),
    ],
)
def test_what_the_text_must_be_is_asked_again(grammar: dict[str, str], asked: dict[str, Any]) -> None:
    assert body_of(text({"text": "a"}, grammar=grammar), "m")[1]["structured_outputs"] == asked


def test_what_was_not_kept_cannot_be_asked() -> None:
    with pytest.raises(Failure, match="is not kept"):
        body_of(Text({"n": 1}, ()), "m")


def test_answers_are_read_by_their_places() -> None:
    choices = [{"index": 1, "text": "b"}, {"index": 0, "text": "a", "token_ids": [1]}]
    assert answers_of(COMPLETIONS, {"choices": choices}) == [Answer("a", [1]), Answer("b", ())]
    chat = [{"index": 0, "message": {"content": None}}]
    assert answers_of(CHAT, {"choices": chat}) == [Answer("", ())]
    with pytest.raises(Failure, match="not one of OpenAI's form"):
        answers_of(CHAT, {"choices": choices})


def test_the_first_token_or_character_that_differs_is_told() -> None:
    assert difference([Answer("abc", (1, 2, 3))], [Answer("abc", (1, 2, 3))], drawn=False) == ""
    assert difference([Answer("abc", (1, 2, 3))], [Answer("abd", (1, 2))], drawn=False) == (
        "from token 3 on, of 3 then and 2 now"
    )
    told = difference([Answer("abc", ())], [Answer("abd", (1,))], drawn=True)
    assert told == "from character 3 on: 'd', not 'c'; it was drawn, without a seed"
    assert difference([Answer("a", ())], [], drawn=False) == "0 texts, not 1"
    assert "of text 1" in difference(
        [Answer("a", ()), Answer("b", ())], [Answer("a", ()), Answer("c", ())], drawn=False
    )


def test_what_was_drawn_without_a_seed_cannot_be_repeated() -> None:
    assert is_drawn(text({}))
    assert not is_drawn(text({}, sampling={"seed": 1}))
    assert not is_drawn(text({}, sampling={"temperature": 0}))
