"""Conversations become the text that the model was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Prompt, ToolChoice
from headrace.llm.chat_messages import plain, render
from headrace.llm.chat_template import ChatTemplate

SMOLLM2 = (  # as the model's own file has it
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
PLAIN = "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}{% if add_generation_prompt %}>{% endif %}"
TRIMMING = PLAIN.replace("m.content", "m.content | trim")
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + PLAIN
WITH_TOOLS = "{% if tools %}{{ tools | tojson }};{% endif %}" + PLAIN
CALLS = "{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.arguments.city }}{% endfor %}{% endfor %}"

USER: dict[str, Any] = {"role": "user", "content": "Hi"}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "weather"}}
CALL: dict[str, Any] = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}


def in_words(tools: Sequence[Mapping[str, Any]]) -> str:
    return f"{len(tools)} tools"


def text(source: str, *messages: Mapping[str, Any], where: str = "messages", **more: Any) -> str:
    return render(Prompt(messages=messages, where=where, **more), ChatTemplate(source), {"bos_token": "<s>"}, in_words)


def test_smollm2_is_asked_as_it_was_trained() -> None:
    assert text(SMOLLM2, {"role": "user", "content": "Which city is the capital of France?"}) == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nWhich city is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_answer_is_begun_only_where_it_is_asked_for() -> None:
    assert text(PLAIN, USER) == "user:Hi;>"
    assert text(PLAIN, USER, add_generation_prompt=False) == "user:Hi;"


def test_the_last_message_can_be_left_open() -> None:
    answer = {"role": "assistant", "content": "The city of"}
    assert text(PLAIN, USER, answer, continue_final_message=True) == "user:Hi;assistant:The city of"


def test_an_open_message_ends_as_the_template_ends_it() -> None:
    answer = {"role": "assistant", "content": "The city of  "}
    assert text(PLAIN, USER, answer, continue_final_message=True).endswith("of  ")
    assert text(TRIMMING, USER, answer, continue_final_message=True).endswith("of")


@pytest.mark.parametrize("message", [{"role": "assistant"}, {"role": "assistant", "content": None}])
def test_a_message_without_content_cannot_be_continued(message: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        text("{% for m in messages %}{{ m.content }}{% endfor %}", USER, message, continue_final_message=True)
    assert refused.value.where == "messages[1]"


def test_a_message_that_the_template_leaves_out_cannot_be_continued() -> None:
    with pytest.raises(InvalidRequest, match="leaves out"):
        text("{{ messages[0].content }}", USER, USER, continue_final_message=True)


def test_contents_in_parts_are_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert text(PLAIN, {"role": "user", "content": parts}) == "user:a\nb;>"


def test_a_part_that_is_no_text_is_refused_by_name() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": ""}}]
    with pytest.raises(InvalidRequest, match="image_url") as refused:
        text(PLAIN, USER, {"role": "user", "content": parts})
    assert refused.value.where == "messages[1].content[1]"


def test_nulls_are_left_out() -> None:
    assert plain([{"role": "assistant", "content": None, "tool_calls": None}], "messages") == [{"role": "assistant"}]


def test_no_messages_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="at least one"):
        text(PLAIN)


def test_arguments_of_tool_calls_are_objects_for_the_template() -> None:
    assert text(CALLS + "{{ tools }}", USER, {"role": "assistant", "tool_calls": [CALL]}) == "ParisNone"


@pytest.mark.parametrize("arguments", ["{", "[1]", '"x"', "[" * 10_000])
def test_arguments_that_a_model_wrote_wrong_are_shown_to_it_as_they_are(arguments: str) -> None:
    call = {**CALL, "function": {"name": "weather", "arguments": arguments}}
    shown = CALLS.replace("arguments.city", "arguments") + "{{ tools }}"
    assert text(shown, USER, {"role": "assistant", "tool_calls": [call]}) == arguments + "None"


@pytest.mark.parametrize("arguments", ["\ud800", 1])
def test_arguments_that_are_no_object_are_refused_by_name(arguments: object) -> None:
    broken = {**CALL, "function": {"name": "weather", "arguments": arguments}}
    with pytest.raises(InvalidRequest) as refused:
        text(PLAIN, USER, {"role": "assistant", "tool_calls": [CALL, broken]})
    assert refused.value.where == "messages[1].tool_calls[1].function.arguments"


def test_a_template_that_wants_short_ids_of_calls_has_their_ends() -> None:
    template = (
        "{% if tools %}{% endif %}{% for m in messages %}{% for c in m.tool_calls %}"
        "{% if c.id|length != 9 %}{{ raise_exception('no') }}"
        "{% endif %}{{ c.id }},{% endfor %}{{ m.tool_call_id }};{% endfor %}"
    )
    calls = [
        {"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        for id_ in ("call_0a1b2c3d4e", "c-1")
    ]
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "tool_calls": calls},
        *({"role": "tool", "tool_call_id": call["id"], "content": ""} for call in calls),
    ]
    assert text(template, *messages) == "a1b2c3d4e,0000000c1,;a1b2c3d4e;0000000c1;"


def test_a_template_that_knows_tools_is_given_them() -> None:
    assert text(WITH_TOOLS, USER, tools=(TOOL,)).startswith('[{"type": "function"')


def test_tools_that_may_not_be_called_are_not_shown() -> None:
    assert text(WITH_TOOLS, USER, tools=(TOOL,), tool_choice=ToolChoice("none")) == "user:Hi;>"
    assert text(PLAIN, USER, tools=(TOOL,), tool_choice=ToolChoice("none")) == "user:Hi;>"


def test_a_template_that_knows_none_has_them_in_its_system_message() -> None:
    assert text(PLAIN, USER, tools=(TOOL,)) == "system:1 tools;user:Hi;>"
    system = {"role": "system", "content": "Be brief."}
    assert text(PLAIN, system, USER, tools=(TOOL,)) == "system:Be brief.\n\n1 tools;user:Hi;>"


def test_a_template_without_a_system_role_has_them_before_the_first_message() -> None:
    assert text(NO_SYSTEM, USER, tools=(TOOL,)) == "user:1 tools\n\nHi;>"


def test_a_template_that_knows_no_tools_reads_calls_and_results_in_words() -> None:
    assistant = {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "c", "content": "20 degrees"}
    assert text(PLAIN, assistant, result) == (
        'assistant:Let me see.\n<tool_call>\n{"name":"weather","arguments":{"city":"Paris"}}\n</tool_call>;'
        "user:<tool_response>\n20 degrees\n</tool_response>;>"
    )


def test_special_tokens_and_arguments_reach_the_template() -> None:
    source = "{{ bos_token }}{{ enable_thinking }}{{ messages | length }}"
    assert text(source, USER, template_arguments={"enable_thinking": False}) == "<s>False1"


@pytest.mark.parametrize("name", ["messages", "tools", "add_generation_prompt"])
def test_an_argument_cannot_stand_for_a_field(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        text(PLAIN, USER, template_arguments={name: 1})
    assert refused.value.where == f"chat_template_kwargs.{name}"


def test_a_role_that_the_template_refuses_is_named() -> None:
    source = PLAIN.replace(
        "{{ m.role", "{% if m.role == 'judge' %}{{ raise_exception('unknown role') }}{% endif %}{{ m.role"
    )
    with pytest.raises(InvalidRequest, match="unknown role") as refused:
        text(source, USER, {"role": "judge", "content": ""}, where="input")
    assert refused.value.where == "input[1]"
