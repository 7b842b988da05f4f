"""Every documented field of a chat is honoured, or refused by its name."""

from typing import Any

import msgspec
import openai.types.chat.completion_create_params as documented
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Generate, Grammar, ToolChoice
from headrace.protocols.openai.chat_request import ChatBody, chat_ask, echoed, read_chat
from tests.fakes_generation import BASE, CHAT, THINKER
from tests.protocols.openai.server import USER

TOOL = {"type": "function", "function": {"name": "f"}}


def body(**fields: Any) -> ChatBody:
    return read_chat.decode(msgspec.json.encode({"model": "chat", "messages": USER} | fields))


def ask(**fields: Any) -> Generate:
    return chat_ask(body(**fields), CHAT)


def test_a_conversation_becomes_a_prompt() -> None:
    prompt = ask().prompt
    assert prompt.messages == ({"role": "user", "content": "Which city?"},)
    assert (prompt.where, prompt.add_generation_prompt, prompt.tool_choice.kind) == ("messages", True, "none")


@pytest.mark.parametrize(
    "field",
    sorted(
        documented.CompletionCreateParamsStreaming.__annotations__
        | documented.CompletionCreateParamsBase.__annotations__
    ),
)
def test_every_field_that_openai_documents_is_known(field: str) -> None:
    assert field in ChatBody.__struct_encode_fields__


@pytest.mark.parametrize(
    ("fields", "arguments"),
    [
        ({"documents": [{"title": "t"}]}, {"documents": [{"title": "t"}]}),
        ({"chat_template_kwargs": {"enable_thinking": True}}, {"enable_thinking": True}),
    ],
)
def test_what_is_for_the_template_reaches_it(fields: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert ask(**fields).prompt.template_arguments == arguments


def test_effort_turns_thinking_on_or_off_and_a_budget_limits_it() -> None:
    assert ask().prompt.thinking.on is None
    assert ask(reasoning_effort="none").prompt.thinking.on is False
    thinking = chat_ask(body(reasoning_effort="low", thinking_token_budget=7), THINKER).prompt.thinking
    assert (thinking.on, thinking.effort, thinking.max_tokens) == (True, "low", 7)


def test_the_limit_has_two_names() -> None:
    assert ask().sampling.max_tokens is None
    assert ask(max_tokens=5).sampling.max_tokens == ask(max_completion_tokens=5).sampling.max_tokens == 5


def test_alternatives_are_told_where_logprobs_are() -> None:
    assert ask().sampling.logprobs is None
    assert ask(logprobs=True).sampling.logprobs == 0
    assert ask(logprobs=True, top_logprobs=3).sampling.logprobs == 3


def test_other_fields_reach_the_engine() -> None:
    asked = ask(
        n=2,
        stream=True,
        cache_salt="s",
        tools=[TOOL],
        tool_choice="auto",
        parallel_tool_calls=False,
        response_format={"type": "json_object"},
        chat_template="{{ messages }}",
        truncate_prompt_tokens=9,
        add_special_tokens=True,
        continue_final_message=True,
    )
    assert (asked.n, asked.stream, asked.salt, asked.grammar) == (
        2,
        True,
        "s",
        Grammar("json_object", "", "response_format"),
    )
    assert asked.prompt.tools == (TOOL,)
    assert asked.prompt.tool_choice == ToolChoice("auto", parallel=False)
    assert (asked.prompt.chat_template, asked.prompt.truncate_to) == ("{{ messages }}", 9)
    assert (asked.prompt.add_special_tokens, asked.prompt.continue_final_message) == (True, True)
    assert asked.prompt.add_generation_prompt is False


def test_fields_that_change_nothing_are_accepted() -> None:
    assert (
        ask(
            user="u",
            safety_identifier="s",
            prompt_cache_key="k",
            prompt_cache_retention="in_memory",
            metadata={"a": "b"},
            store=False,
            service_tier="auto",
            modalities=["text"],
            verbosity="medium",
            guided_decoding_backend="xgrammar",
        )
        == ask()
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("audio", {"voice": "x", "format": "wav"}),
        ("modalities", ["text", "audio"]),
        ("functions", []),
        ("function_call", "auto"),
        ("prediction", {"type": "content", "content": "x"}),
        ("web_search_options", {}),
        ("moderation", {}),
        ("verbosity", "low"),
        ("prompt_cache_options", {}),
        ("prompt_cache_retention", "24h"),
        ("store", True),
        ("service_tier", "flex"),
        ("metadata", {str(i): "" for i in range(17)}),
        ("reasoning_effort", "some"),
        ("reasoning_effort", "low"),
        ("thinking_token_budget", 7),
        ("max_tokens", 0),
        ("max_completion_tokens", 0),
        ("top_logprobs", 2),
        ("echo", True),
        ("n", 0),
        ("best_of", 2),
        ("guided_decoding_backend", "xgrammar:no-fallback"),
        ("top_a", 1),
    ],
)
def test_what_is_not_offered_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask(**{field: value})
    assert caught.value.where == field


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
        ({"continue_final_message": True, "add_generation_prompt": True}, "continue_final_message"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask(**fields)
    assert caught.value.where == where


def test_best_of_as_many_as_there_are_is_taken() -> None:
    assert ask(best_of=None).best_of is ask(best_of=1).best_of is ask(n=2, best_of=2).best_of is None


def test_a_model_without_a_template_needs_one_given() -> None:
    with pytest.raises(InvalidRequest, match="has no chat template") as caught:
        chat_ask(body(), BASE)
    assert caught.value.where == "chat_template"
    assert chat_ask(body(chat_template="x"), BASE).prompt.chat_template == "x"


def test_a_model_with_other_templates_only_says_which() -> None:
    facts = msgspec.structs.replace(BASE, other_templates=("rag", "tool_use"))
    with pytest.raises(InvalidRequest, match="has no chat template called 'default', only rag, tool_use; give one"):
        chat_ask(body(), facts)


def test_an_echo_is_the_message_that_is_continued() -> None:
    messages = [*USER, {"role": "assistant", "content": "It is"}]
    assert echoed(body(messages=messages, echo=True, continue_final_message=True)) == "It is"
    assert echoed(body(messages=messages, continue_final_message=True)) == ""
