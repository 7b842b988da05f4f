"""Deltas of a choice, put together."""

from headrace.deltas import as_one, by_choice, in_order
from headrace.generation import Delta, ToolCall

CAME = [
    Delta(text="a", token_ids=(1,)),
    Delta(text="b", token_ids=(2,)),
    Delta(tool_calls=(ToolCall(0, "{", "c0", "f"),), token_ids=(3,)),
    Delta(tool_calls=(ToolCall(0, "}"),), token_ids=(4,)),
    Delta(text="c", token_ids=(5,)),
    Delta(tool_calls=(ToolCall(1, "{}", "c1", "g"),), token_ids=(6,), finish="tool_calls"),
]
FIRST, SECOND = ToolCall(0, "{}", "c0", "f"), ToolCall(1, "{}", "c1", "g")


def test_text_behind_a_call_begins_another() -> None:
    assert in_order(CAME) == [
        Delta(text="ab", token_ids=(1, 2, 3, 4), tool_calls=(FIRST,)),
        Delta(text="c", token_ids=(5, 6), tool_calls=(SECOND,), finish="tool_calls"),
    ]
    assert in_order([]) == []


def test_as_one_all_text_stands_before_all_calls() -> None:
    one = Delta(text="abc", token_ids=(1, 2, 3, 4, 5, 6), tool_calls=(FIRST, SECOND), finish="tool_calls")
    assert as_one(CAME) == as_one(in_order(CAME)) == one


def test_choices_come_in_their_order() -> None:
    mixed = [Delta(1, "x"), Delta(0, "a"), Delta(1, "y", finish="stop"), Delta(0, "b", finish="length")]
    assert by_choice(mixed) == [Delta(0, "ab", finish="length"), Delta(1, "xy", finish="stop")]
