"""Thoughts in a response are told by events that the SDK knows."""

from typing import Any, get_args

import pytest
from openai.types.responses import ResponseReasoningItem, ResponseStreamEvent
from pydantic import TypeAdapter

from headrace.protocols.openai.response_thoughts import CONTENT, SUMMARY, ToldThoughts

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


@pytest.mark.parametrize("told", [CONTENT, SUMMARY])
def test_every_event_is_one_of_the_sdks(told: ToldThoughts) -> None:
    place = {"item_id": "rs_1", "output_index": 0, "sequence_number": 0, **told.at}
    more: dict[str, dict[str, Any]] = {
        told.part_added: {"part": told.part("")},
        told.delta: {"delta": "a"},
        told.done: {"text": "a"},
        told.part_done: {"part": told.part("a")},
    }
    for kind, fields in more.items():
        event = EVENTS.validate_python({"type": kind, **place, **fields})
        assert event.type == kind
        assert type(event) in get_args(get_args(ResponseStreamEvent)[0])


@pytest.mark.parametrize("told", [CONTENT, SUMMARY])
def test_a_part_is_one_of_the_items(told: ToldThoughts) -> None:
    parts: dict[str, Any] = {"summary": [], "content": []} | {told.field: [told.part("a")]}
    item = ResponseReasoningItem.model_validate({"id": "rs_1", "type": "reasoning", **parts})
    assert [part.text for part in getattr(item, told.field)] == ["a"]
