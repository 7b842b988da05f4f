"""Items of an input, and what the chat template sees of them."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest, NotFound
from headrace.protocols.openai.response_items import Item, Items, read_items, template_messages

CALL = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Paris"}'}
SEEN_CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Paris"}}}


KEPT = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Paris."}]}


def kept(id_: str, where: str) -> Mapping[str, Any]:
    if id_ == "msg_gone":
        raise NotFound("is gone", where)
    return KEPT | {"id": id_}


def read(*items: Any) -> Items:
    return read_items(msgspec.convert(list(items), list[Item]), kept)


def test_a_text_is_a_message_of_the_users() -> None:
    (item,) = read_items("Hi", kept)
    assert (item["role"], item["content"]) == ("user", [{"type": "input_text", "text": "Hi"}])
    assert item["id"].startswith("msg_")


def test_an_item_keeps_its_id() -> None:
    (item,) = read({"id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]})
    assert item == {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "a"}],
    }


def test_items_are_messages_for_the_template() -> None:
    result = {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "rain"}]}
    items = read({"role": "developer", "content": "s"}, {"role": "assistant", "content": "Look."}, CALL, CALL, result)
    assert template_messages("Be brief.", items) == (
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": "s"},
        {"role": "assistant", "content": "Look.", "tool_calls": [SEEN_CALL, SEEN_CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    )


def test_thoughts_stand_with_the_answer_that_they_led_to() -> None:
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    summary = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "x"}
    answer = {"role": "assistant", "content": "Rain."}
    nothing = {"type": "reasoning", "summary": [], "encrypted_content": "x"}
    seen = {"role": "assistant", "content": "", "reasoning_content": "Hm."}
    assert template_messages(None, read(thought, answer)) == (seen | {"content": "Rain."},)
    assert template_messages(None, read(summary, CALL)) == (seen | {"tool_calls": [SEEN_CALL]},)
    assert template_messages(None, read(nothing, answer)) == (answer,)
    assert read(thought)[0]["id"].startswith("rs_")


def test_a_call_without_text_has_a_message_of_its_own() -> None:
    assert template_messages(None, read(CALL)) == ({"role": "assistant", "content": "", "tool_calls": [SEEN_CALL]},)


@pytest.mark.parametrize("reference", [{"type": "item_reference"}, {"type": None}, {}])
def test_what_is_kept_may_be_referred_to(reference: dict[str, Any]) -> None:
    items = read({"role": "user", "content": "Where?"}, reference | {"id": "msg_1"})
    assert items[1] == KEPT | {"id": "msg_1"}
    with pytest.raises(NotFound, match=r"input\[0\].id"):
        read(reference | {"id": "msg_gone"})


def test_an_item_is_referred_to_once() -> None:
    with pytest.raises(InvalidRequest, match=r"input\[2\].id: is referred to above"):
        read({"id": "msg_1"}, {"id": "msg_2"}, {"type": "item_reference", "id": "msg_1"})


@pytest.mark.parametrize(
    ("item", "where"),
    [
        ({"role": "tool", "content": ""}, "input[0].role"),
        ({"content": ""}, "input[0].role"),
        ({"role": "user"}, "input[0].content"),
        ({"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}, "input[0].content[0].type"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        (
            {"role": "user", "content": [{"type": "input_text", "text": "", "file_id": "x"}]},
            "input[0].content[0].file_id",
        ),
        ({"type": "reasoning", "arguments": ""}, "input[0].arguments"),
        ({"type": "reasoning", "summary": [{"type": "summary_text"}]}, "input[0].summary[0].text"),
        ({"type": "web_search_call", "id": "a"}, "input[0].type"),
        ({"type": "item_reference"}, "input[0].id"),
        ({"type": "item_reference", "id": "a", "role": "user"}, "input[0].role"),
        ({"id": "a", "phase": "commentary"}, "input[0].role"),
        (CALL | {"name": None}, "input[0].name"),
        (CALL | {"caller": {"type": "program"}}, "input[0].caller.type"),
        (CALL | {"output": "a"}, "input[0].output"),
        ({"type": "function_call_output", "output": "a"}, "input[0].call_id"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_path(item: Any, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(item)
    assert caught.value.where == where
