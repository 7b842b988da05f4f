"""The form in which a model calls tools."""

import json

import pytest

from headrace.llm.tool_calls import GRANITE, HERMES, LLAMA, MISTRAL, hermes_system, tool_format

QWEN = '{%- if tools %}{{- "within <tool_call></tool_call> XML tags:\\n<tool_call>" }}{%- endif %}'
LLAMA_3 = (
    '{%- if tools is not none %}Respond in the format {"name": function name, "parameters": dictionary}{% endif %}'
)


@pytest.mark.parametrize("template", [None, "{% for message in messages %}{{ message.content }}{% endfor %}", QWEN])
def test_hermes_is_read_where_the_template_says_so_or_nothing(template: str | None) -> None:
    assert tool_format(template) == HERMES


@pytest.mark.parametrize("template", [LLAMA_3, "{% if tools %}<|python_tag|>{% endif %}"])
def test_llama_is_read_where_the_template_says_so(template: str) -> None:
    assert tool_format(template) == LLAMA


def test_lists_are_read_where_the_template_says_so() -> None:
    assert tool_format('{% if tools %}[AVAILABLE_TOOLS]{% endif %}{{ "[TOOL_CALLS] [" }}') == MISTRAL
    assert tool_format("{% if tools %}respond with <|tool_call|> followed by a JSON list{% endif %}") == GRANITE


@pytest.mark.parametrize(
    "template",
    [
        "{% if tools %}[AVAILABLE_TOOLS]{% endif %}",
        '{% if tools %}{{ "[TOOL_CALLS]" + name + "[ARGS]" }}{% endif %}',
        QWEN + "<function=",
        QWEN + "<arg_key>",
    ],
)
def test_other_forms_are_known_to_be_none_of_ours(template: str) -> None:
    assert tool_format(template) is None


def test_only_a_call_within_a_text_has_marks() -> None:
    assert HERMES.marks == ("<tool_call>", "</tool_call>")
    assert MISTRAL.marks == ("[TOOL_CALLS]",)
    assert LLAMA.marks == ()


def test_tools_are_told_a_line_each() -> None:
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in "ab"]
    text = hermes_system(tools)
    lines = text[text.index("<tools>\n") + 8 : text.index("\n</tools>\n")].splitlines()
    assert [json.loads(line) for line in lines] == tools
    assert text.endswith("</tool_call>")
