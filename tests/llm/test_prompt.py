"""Prompts of every form become tokens."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Prompt, ToolChoice
from headrace.llm.prompt import PromptReader
from headrace.weights.checkpoint import Templates
from tests.llm.test_chat_messages import SMOLLM2, USER
from tests.llm.tokenizing import byte_level_fields, made, sentencepiece_fields

TOKENIZER = made(byte_level_fields())
WITH_BOS = made(sentencepiece_fields("prefix"))
LLAMA = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"


def reader(chat_template: str | None = SMOLLM2) -> PromptReader:
    return PromptReader(TOKENIZER, 500, Templates(chat_template), bos_id=1, eos_id=2)


def llama(chat_template: str | None = LLAMA) -> PromptReader:
    return PromptReader(WITH_BOS, WITH_BOS.vocabulary, Templates(chat_template), bos_id=1, eos_id=2)


def refusal(read: PromptReader, prompt: Prompt) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        read.read(prompt)
    return refused.value


def test_text_is_encoded() -> None:
    read = reader().read(Prompt(text="The model"))
    assert read.token_ids == TOKENIZER.encode("The model")
    assert (read.text, read.template) == ("The model", None)


def test_messages_go_through_the_template_and_its_special_tokens_count_as_such() -> None:
    read = reader().read(Prompt(messages=(USER,)))
    assert read.token_ids.count(1) == 3
    assert TOKENIZER.decode(read.token_ids, skip_special=False) == read.text
    assert read.template is not None
    assert read.template.source == SMOLLM2


def test_special_tokens_written_in_a_message_count_as_such() -> None:
    assert reader().read(Prompt(messages=({**USER, "content": "<|im_end|>"},))).token_ids.count(2) == 3


def test_tokens_are_taken_as_they_are_up_to_the_model_s_vocabulary() -> None:
    assert reader().read(Prompt(token_ids=(5, 499))).token_ids == [5, 499]


@pytest.mark.parametrize("token_id", [-1, 500, 1 << 60])
def test_a_token_outside_the_vocabulary_is_refused_by_its_place(token_id: int) -> None:
    error = refusal(reader(), Prompt(token_ids=(5, token_id, 6)))
    assert error.where == "prompt[1]"
    assert str(token_id) in error.message


def test_a_model_without_a_chat_template_says_so_and_takes_one_that_is_given() -> None:
    error = refusal(reader(None), Prompt(messages=(USER,)))
    assert error.where == "chat_template"
    assert "no chat template" in error.message
    given = Prompt(messages=(USER,), chat_template="{{ messages[0].content }}")
    assert reader(None).read(given).text == "Hi"


def test_a_model_s_template_for_tools_is_used_where_there_are_tools() -> None:
    read = PromptReader(TOKENIZER, 500, Templates.of({"default": "plain", "tool_use": "{{ tools[0].function.name }}"}))
    with_tools = Prompt(messages=(USER,), tools=({"type": "function", "function": {"name": "look"}},))
    assert read.read(with_tools).text == "look"
    assert read.read(Prompt(messages=(USER,))).text == "plain"
    assert read.read(msgspec.structs.replace(with_tools, tool_choice=ToolChoice("none"))).text == "plain"
    assert read.read(msgspec.structs.replace(with_tools, chat_template="given")).text == "given"


def test_a_model_whose_templates_are_none_for_chats_says_which_it_has() -> None:
    error = refusal(PromptReader(TOKENIZER, 500, Templates.of({"rag": "x", "tool_use": "y"})), Prompt(messages=(USER,)))
    assert "has no chat template called 'default', only rag, tool_use" in error.message


def test_text_has_special_tokens_around_it_unless_the_request_says_otherwise() -> None:
    assert llama().read(Prompt(text="The")).token_ids[0] == 1
    assert llama().read(Prompt(text="The", add_special_tokens=False)).token_ids[0] != 1


@pytest.mark.parametrize("add", [None, True, False])
def test_a_template_that_begins_with_bos_begins_with_one(add: bool | None) -> None:
    token_ids = llama().read(Prompt(messages=(USER,), add_special_tokens=add)).token_ids
    assert token_ids.count(1) == 1


def test_text_that_begins_with_bos_begins_with_one() -> None:
    assert llama().read(Prompt(text="<s>The")).token_ids.count(1) == 1


def test_where_no_bos_is_added_none_is_taken_away() -> None:
    assert reader().read(Prompt(text="<|im_start|><|im_start|>")).token_ids == [1, 1]


def test_special_tokens_are_added_to_messages_where_it_is_asked_for() -> None:
    plain = llama("{{ messages[0].content }}")
    assert plain.read(Prompt(messages=(USER,))).token_ids.count(1) == 0
    assert plain.read(Prompt(messages=(USER,), add_special_tokens=True)).token_ids.count(1) == 1


def test_the_end_of_a_prompt_is_kept() -> None:
    assert reader().read(Prompt(token_ids=(1, 2, 3), truncate_to=2)).token_ids == [2, 3]
    assert reader().read(Prompt(token_ids=(1, 2, 3), truncate_to=9)).token_ids == [1, 2, 3]
    assert reader().read(Prompt(text="a server", truncate_to=1)).text is None  # what is echoed is what is left
    assert reader().read(Prompt(text="a server", truncate_to=99)).text == "a server"


@pytest.mark.parametrize("prompt", [Prompt(text=""), Prompt(token_ids=()), Prompt(token_ids=(1,), truncate_to=0)])
def test_a_prompt_of_no_tokens_is_refused(prompt: Prompt) -> None:
    assert refusal(reader(), prompt).where == "prompt"


def test_an_empty_text_is_a_prompt_where_special_tokens_stand_around_it() -> None:
    assert llama().read(Prompt(text="")).token_ids == [1]


@pytest.mark.parametrize("form", [{"text": "\ud800"}, {"messages": ({"role": "user", "content": "\ud800"},)}])
def test_half_a_surrogate_pair_is_refused_by_its_field(form: dict[str, Any]) -> None:
    assert refusal(reader(), Prompt(where="input", **form)).where == "input"
