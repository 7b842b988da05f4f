"""Bodies of responses: what is honoured, and what is refused by its name."""

from typing import Any, NoReturn, get_type_hints

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from headrace.errors import InvalidRequest, NotFound
from headrace.generation import Generate, LanguageFacts, Sampling
from headrace.protocols.openai.response_items import read_items
from headrace.protocols.openai.response_request import ResponseBody, read_response, response_ask
from headrace.protocols.openai.response_tools import read_tools
from tests.fakes_generation import ADVISED, BASE, CHAT, THINKER

TOOL = {"type": "function", "name": "a"}
SCHEMA = {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}}}


def asked(facts: LanguageFacts = CHAT, **fields: Any) -> Generate:
    body = read_response.decode(msgspec.json.encode({"input": "Hi"} | fields))
    tools = read_tools(body.tools, body.tool_choice, body.parallel_tool_calls)
    return response_ask(body, read_items(body.input or (), _nothing_kept), tools, facts)


def _nothing_kept(id_: str, where: str) -> NoReturn:
    raise NotFound("nothing is kept", where)


def test_every_field_of_the_sdks_is_known() -> None:
    assert set(get_type_hints(ResponseCreateParamsStreaming)) <= set(ResponseBody.__struct_encode_fields__)


def test_sampling_is_as_it_is_asked() -> None:
    sampling = asked(temperature=0, top_p=0.5, max_output_tokens=3, top_logprobs=2).sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.logprobs) == (0, 0.5, 3, 2)


def test_sampling_that_is_not_asked_for_is_as_the_model_recommends() -> None:
    assert asked(ADVISED).sampling == ADVISED.defaults.over(Sampling())
    own = asked(ADVISED, temperature=1, top_p=1, max_output_tokens=3).sampling
    assert (own.temperature, own.top_p, own.top_k, own.max_tokens) == (1, 1, 20, 3)


def test_log_probabilities_may_be_included_without_alternatives() -> None:
    assert asked(include=["message.output_text.logprobs"]).sampling.logprobs == 0
    assert asked(include=["reasoning.encrypted_content"]).sampling.logprobs is None


def test_a_schema_is_kept_to() -> None:
    grammar = asked(text=SCHEMA).grammar
    assert grammar
    assert (grammar.kind, grammar.source) == ("json_schema", '{"type":"object"}')
    assert asked(text={"format": {"type": "text"}}).grammar is None


def test_effort_turns_thinking_on_or_off() -> None:
    assert asked(reasoning={"effort": "none"}).prompt.thinking.on is False
    thinking = asked(THINKER, reasoning={"effort": "low", "summary": "auto"}).prompt.thinking
    assert (thinking.on, thinking.effort) == (True, "low")


def test_what_has_no_effect_is_taken() -> None:
    asked(client_metadata={"installation": "i", "turn": {"id": 1}})
    asked(user="u", safety_identifier="s", prompt_cache_key="k", prompt_cache_retention="in_memory")
    asked(service_tier="auto", truncation="disabled", background=False, text={"verbosity": "medium"})


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"input": []}, "input"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"background": True}, "background"),
        ({"conversation": "c"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"max_tool_calls": 1}, "max_tool_calls"),
        ({"truncation": "auto"}, "truncation"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"include": ["file_search_call.results"]}, "include[0]"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"reasoning": {"summary": "concise"}}, "reasoning.summary"),
        ({"reasoning": {"context": "all_turns"}}, "reasoning.context"),
        ({"reasoning": {"effort": "low"}}, "reasoning.effort"),
        ({"reasoning": {"effort": "some"}}, "reasoning.effort"),
        ({"stream_options": {}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
        ({"metadata": {"a" * 65: ""}}, "metadata"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_what_is_refused_is_refused_by_its_name(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(**fields)
    assert caught.value.where == where


def test_a_model_without_a_template_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="has no chat template"):
        asked(BASE)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name", "role", "x"]), inner),
    max_leaves=5,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(ResponseBody.__struct_encode_fields__), VALUES, max_size=4))
def test_no_fields_are_a_fault_of_the_servers(fields: dict[str, Any]) -> None:
    try:
        asked(**fields)
    except InvalidRequest as error:
        assert error.message
