"""The fields that chat and generate share."""

from typing import Any

import msgspec
import ollama._types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import HeadraceError, InvalidRequest, Unsupported
from headrace.generation import Generate, LanguageFacts, Prompt
from headrace.protocols.ollama.chat import ChatBody, chat_prompt, read_chat
from headrace.protocols.ollama.embed import EmbedBody, OldBody
from headrace.protocols.ollama.fields import SharedFields, ask, check_keep_alive, thinking_of
from headrace.protocols.ollama.generate import GenerateBody
from headrace.protocols.ollama.models import ShowBody
from headrace.protocols.ollama.options import Options
from headrace.protocols.strict_body import Body
from tests.fakes_generation import CHAT, THINKER
from tests.protocols.ollama.server import USER


def asked(**fields: Any) -> Generate:
    return ask(SharedFields(model="m", **fields), Prompt(text="Hi"), CHAT)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (ollama._types.ChatRequest, ChatBody),
        (ollama._types.GenerateRequest, GenerateBody),
        (ollama._types.EmbedRequest, EmbedBody),
        (ollama._types.EmbeddingsRequest, OldBody),
        (ollama._types.ShowRequest, ShowBody),
    ],
)
def test_every_field_of_the_sdks_is_known(theirs: Any, ours: type[Body]) -> None:
    assert set(theirs.model_fields) <= set(ours.__struct_encode_fields__)


def test_it_streams_unless_it_is_told_not_to() -> None:
    assert asked().stream
    assert not asked(stream=False).stream


def test_json_is_kept_to() -> None:
    grammar = asked(format="json").grammar
    assert grammar
    assert grammar.kind == "json_object"
    assert asked(format="").grammar is None


@pytest.mark.parametrize(
    ("think", "on", "effort"),
    [(None, None, ""), (False, False, ""), (True, True, ""), ("high", True, "high"), ("max", True, "max")],
)
def test_thinking_is_turned_on_and_off(think: Any, on: bool | None, effort: str) -> None:
    thinking = thinking_of(SharedFields(model="m", think=think), THINKER)
    assert (thinking.on, thinking.effort) == (on, effort)


@pytest.mark.parametrize(("think", "facts"), [(True, CHAT), ("low", CHAT), ("much", THINKER)])
def test_thoughts_of_a_model_that_has_none_are_refused(think: Any, facts: LanguageFacts) -> None:
    with pytest.raises(InvalidRequest) as caught:
        thinking_of(SharedFields(model="m", think=think), facts)
    assert caught.value.where == "think"


def test_a_context_that_is_less_than_the_models_is_a_limit() -> None:
    assert asked(options=Options(num_ctx=100)).max_context == 100


@pytest.mark.parametrize("keep_alive", [None, 300, -1, "5m", "1h30m", "-1m", "300", "1.5h"])
def test_any_time_to_stay_is_kept(keep_alive: Any) -> None:
    check_keep_alive(keep_alive)


@pytest.mark.parametrize("keep_alive", [0, 0.0, "0", "0s", "-0", "0h0m"])
def test_a_request_unloads_no_model(keep_alive: Any) -> None:
    with pytest.raises(Unsupported):
        check_keep_alive(keep_alive)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"truncate": True}, "truncate"),
        ({"shift": True}, "shift"),
        ({"format": "xml"}, "format"),
        ({"keep_alive": "soon"}, "keep_alive"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ],
)
def test_what_is_refused_is_refused_by_its_name(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(**fields)
    assert caught.value.where == where


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name", "role", "x"]), inner),
    max_leaves=5,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(ChatBody.__struct_encode_fields__), VALUES, max_size=4))
def test_no_fields_are_a_fault_of_the_servers(fields: dict[str, Any]) -> None:
    try:
        body = read_chat.decode(msgspec.json.encode({"model": "m", "messages": USER} | fields))
        if body.messages:
            ask(body, chat_prompt(body, CHAT), CHAT)
    except HeadraceError as error:
        assert error.message
