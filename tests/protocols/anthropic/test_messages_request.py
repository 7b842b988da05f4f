"""Bodies of messages: what is honoured, and what is refused by its name."""

from typing import Any, get_type_hints

import msgspec
import pytest
from anthropic.types.beta import BetaOutputConfigParam
from anthropic.types.beta import message_count_tokens_params as preview_count
from anthropic.types.beta import message_create_params as preview
from anthropic.types.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.generation import Generate, LanguageFacts, Sampling, Thinking
from headrace.protocols.anthropic.messages_request import (
    CountBody,
    MessagesBody,
    OutputConfig,
    messages_ask,
    read_messages,
)
from tests.fakes_generation import ADVISED, BASE, CHAT, THINKER

USER = [{"role": "user", "content": "Which city?"}]
SCHEMA = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
TOOL = {"name": "a", "input_schema": {}}
KEEP_ALL: dict[str, Any] = {"type": "clear_thinking_20251015", "keep": "all"}


def asked(facts: LanguageFacts = CHAT, **fields: Any) -> Generate:
    body = {"model": "m", "max_tokens": 9, "messages": USER} | fields
    return messages_ask(read_messages.decode(msgspec.json.encode(body)), facts)


def test_every_field_of_the_sdks_is_known() -> None:
    assert set(get_type_hints(MessageCreateParamsStreaming)) <= set(MessagesBody.__struct_encode_fields__)
    assert set(get_type_hints(MessageCountTokensParams)) <= set(CountBody.__struct_encode_fields__)


def test_every_field_of_the_sdks_previews_is_known() -> None:
    as_headers = {"betas"}
    count, whole = set(CountBody.__struct_encode_fields__), set(MessagesBody.__struct_encode_fields__)
    assert set(get_type_hints(preview.MessageCreateParamsStreaming)) - as_headers <= whole
    assert set(get_type_hints(preview_count.MessageCountTokensParams)) - as_headers <= count
    assert set(get_type_hints(BetaOutputConfigParam)) <= set(OutputConfig.__struct_encode_fields__)
    asked(compaction=None, billing_policy=None, fallback_credit_token=None, output_config={"task_budget": None})


def test_sampling_is_as_it_is_asked() -> None:
    sampling = asked(temperature=0, top_p=0.5, top_k=3, stop_sequences=["x"]).sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0, 0.5, 3)
    assert (sampling.stop, sampling.max_tokens) == (("x",), 9)


def test_sampling_that_is_not_asked_for_is_as_the_model_recommends() -> None:
    assert asked(ADVISED).sampling == Sampling(0.7, 20, 0.8, 0.05, repetition_penalty=1.05, max_tokens=9)
    own = asked(ADVISED, temperature=1, top_p=1, top_k=0).sampling
    assert (own.temperature, own.top_p, own.top_k, own.repetition_penalty) == (1, 1, 0, 1.05)


def test_a_last_message_of_the_assistants_is_continued() -> None:
    prompt = asked(messages=[*USER, {"role": "assistant", "content": "The"}]).prompt
    assert (prompt.continue_final_message, prompt.add_generation_prompt) == (True, False)


def test_a_schema_is_kept_to() -> None:
    grammar = asked(output_config=SCHEMA).grammar
    assert grammar
    assert (grammar.kind, grammar.source) == ("json_schema", '{"type":"object"}')


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        (None, Thinking(False, "low", where="thinking")),
        ({"type": "disabled"}, Thinking(False, "low", where="thinking")),
        ({"type": "adaptive", "display": "omitted"}, Thinking(True, "low", where="thinking")),
        ({"type": "enabled", "budget_tokens": 8}, Thinking(True, "low", 8, "thinking.budget_tokens")),
    ],
)
def test_who_asks_for_thoughts_gets_them(thinking: Any, expected: Thinking) -> None:
    assert asked(THINKER, thinking=thinking, output_config={"effort": "low"}).prompt.thinking == expected
    if thinking is None or thinking["type"] == "adaptive":
        assert asked(thinking=thinking).prompt.thinking.on is None


def test_what_has_no_effect_is_taken() -> None:
    asked(metadata={"user_id": "u"}, service_tier="auto", cache_control={"type": "ephemeral", "ttl": "1h"})
    asked(thinking={"type": "adaptive"}, speed="standard", container=None)
    for edits in (None, [], [KEEP_ALL], [KEEP_ALL | {"keep": {"type": "all"}}]):
        asked(context_management={"edits": edits})


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8}}, "thinking.type"),
        ({"thinking": {"type": "between_tools"}}, "thinking.type"),
        ({"thinking": {"type": "disabled", "budget_tokens": 8}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "disabled", "display": "omitted"}}, "thinking.display"),
        ({"thinking": {"type": "adaptive", "budget_tokens": 8}}, "thinking.budget_tokens"),
        ({"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}}, "context_management.edits[0].keep"),
        ({"context_management": {"edits": [KEEP_ALL, KEEP_ALL | {"keep": 1}]}}, "context_management.edits[1].keep"),
        ({"context_management": {"edits": [KEEP_ALL | {"x": 1}]}}, "context_management.edits[0].x"),
        ({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}, "context_management.edits[0].type"),
        ({"speed": "fast"}, "speed"),
        ({"container": "c"}, "container"),
        ({"inference_geo": "eu"}, "inference_geo"),
        ({"workspace_id": "w"}, "workspace_id"),
        ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"thread": {"type": "create"}}, "thread"),
        ({"compaction": {"type": "summarize"}}, "compaction"),
        ({"billing_policy": {"type": "billing_policy"}}, "billing_policy"),
        ({"fallback_credit_token": "t"}, "fallback_credit_token"),
        ({"output_config": {"task_budget": {"type": "tokens", "total": 9}}}, "output_config.task_budget"),
        ({"nonsense": 1}, "nonsense"),
        ({"messages": []}, "messages"),
    ],
)
def test_what_is_refused_is_refused_by_its_name(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(**fields)
    assert caught.value.where == where


def test_a_model_without_a_template_is_refused() -> None:
    body = read_messages.decode(msgspec.json.encode({"model": "m", "max_tokens": 9, "messages": USER}))
    with pytest.raises(InvalidRequest, match="has no chat template"):
        messages_ask(body, BASE)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name", "role", "x"]), inner),
    max_leaves=5,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(MessagesBody.__struct_encode_fields__), VALUES, max_size=4))
def test_no_fields_are_a_fault_of_the_servers(fields: dict[str, Any]) -> None:
    try:
        asked(**fields)
    except InvalidRequest as error:
        assert error.message


@pytest.mark.parametrize("budget", [None, 0, 9, 10])
def test_a_budget_is_given_and_less_than_the_whole(budget: int | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(THINKER, thinking={"type": "enabled", "budget_tokens": budget})
    assert caught.value.where == "thinking.budget_tokens"
