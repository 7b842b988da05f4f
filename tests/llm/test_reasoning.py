"""Thoughts are known by the marks that a template or a setting names, and so is where an answer begins."""

from typing import Any

import pytest

from headrace.generation import Prompt, Thinking
from headrace.llm.reasoning import Marks, marks_of, stage_of, template_arguments, without_thoughts

MARKS = Marks("<think>", "</think>")
IDS = {"<think>": 7, "</think>": 8}


@pytest.mark.parametrize(
    ("setting", "template", "found"),
    [
        ("auto", "{{ content.split('</think>')[-1] }}", ("<think>", "</think>")),
        ("auto", "{{ '[THINK]' }}", ("[THINK]", "[/THINK]")),
        ("auto", "{{ messages }}", None),
        ("auto", None, None),
        ("off", "<think></think>", None),
        ("<a> </a>", None, ("<a>", "</a>")),
    ],
)
def test_marks_are_those_of_the_template_or_of_the_setting(setting: str, template: str | None, found: Any) -> None:
    marks = marks_of(setting, template, lambda mark: None)
    assert (marks and (marks.begin, marks.end)) == found


def test_marks_are_tokens_where_the_vocabulary_has_both() -> None:
    assert marks_of("auto", "<think>", IDS.get) == Marks("<think>", "</think>", 7, 8)
    assert marks_of("auto", "<think>", lambda mark: 7 if mark == "<think>" else None) == MARKS


@pytest.mark.parametrize(
    ("text", "more", "stage"),
    [
        ("assistant: ", {}, "before"),
        ("assistant: <think>\n", {}, "inside"),
        ("assistant: <think>\n\n</think>\n\n", {}, "after"),
        ("user: <think>\nassistant: ", {}, "before"),
        ("user: hm", {"add_generation_prompt": False}, "before"),
    ],
)
def test_an_answer_begins_where_its_prompt_ends(text: str, more: dict[str, Any], stage: str) -> None:
    assert stage_of(Prompt(messages=({"role": "user", "content": "hm"},), **more), text, MARKS) == stage


@pytest.mark.parametrize(
    ("content", "stage"), [("Well", "after"), ("<think>Well", "inside"), ("<think>Well</think>So", "after")]
)
def test_a_continued_answer_is_where_it_was_left(content: str, stage: str) -> None:
    prompt = Prompt(messages=({"role": "assistant", "content": content},), continue_final_message=True)
    assert stage_of(prompt, "whatever <think>", MARKS) == stage


@pytest.mark.parametrize("prompt", ["a: ", "a: <think>\n", "a: <think>\n\n</think>\n\n"])
def test_a_template_without_a_switch_is_shown_thoughts_that_are_over(prompt: str) -> None:
    assert without_thoughts(prompt, MARKS) == "a: <think>\n\n</think>\n\n"


def test_the_template_is_told_under_the_names_that_templates_use() -> None:
    assert template_arguments(Thinking()) == {}
    assert template_arguments(Thinking(False, "none")) == {
        "enable_thinking": False,
        "thinking": False,
        "reasoning_effort": "none",
    }
