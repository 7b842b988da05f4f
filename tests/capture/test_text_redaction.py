"""Of what was asked and answered only what may be kept is left."""

from typing import Any

from headrace.capture.redaction import Redaction, read_rules
from headrace.capture.text import Choice, Text

MESSAGES = [
    {"role": "user", "content": "write to a@b.example, 12345"},
    {"role": "user", "content": [{"type": "text", "text": "call 555 0100 12"}]},
]
ANSWER = Choice("a@b.example is 12345", (5, 6), "thought 9999", (("mail", '{"to": "a@b.example"}'),), "stop")


def text(**prompt: Any) -> Text:
    return Text({"prompt": prompt, "n": 1}, (ANSWER,), 3, 2, 1.0)


def kept(rules: str, **prompt: Any) -> Text:
    return Redaction(read_rules(rules)).text(text(**prompt))


def test_without_a_rule_all_of_it_is() -> None:
    assert kept("", messages=MESSAGES) == text(messages=MESSAGES)
    assert kept("x=drop, prompt=keep", text="a") == text(text="a")


def test_masks_reach_every_message_and_leave_the_roles() -> None:
    found = kept("prompt=mask", messages=MESSAGES)
    assert found.ask["prompt"]["messages"] == [
        {"role": "user", "content": "write to @, #"},
        {"role": "user", "content": [{"type": "text", "text": "call #"}]},
    ]
    assert found.choices == (ANSWER,)


def test_an_answer_is_changed_with_its_thoughts_and_calls_and_without_its_tokens() -> None:
    (choice,) = kept("answer=mask", text="12345").choices
    assert choice == Choice("@ is #", (), "thought #", (("mail", '{"to": "@"}'),), "stop")


def test_tokens_of_a_prompt_are_words_too() -> None:
    assert kept("prompt=hash", token_ids=[1, 2]).ask["prompt"] == {}


def test_a_rule_for_all_is_one_for_both() -> None:
    found = kept("*=zero", text="secret", template_arguments={"documents": ["secret"]})
    assert found.ask["prompt"] == {"text": "", "template_arguments": {"documents": [""]}}
    assert "a@b" not in str(found)


def test_what_is_dropped_is_gone() -> None:
    found = kept("prompt=drop, answer=drop", messages=MESSAGES)
    assert (found.ask, found.choices, found.prompt_tokens) == ({"n": 1}, (), 3)
