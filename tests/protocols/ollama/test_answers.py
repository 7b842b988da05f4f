"""How answers are written in Ollama's form."""

from typing import Any

import msgspec

from headrace.generation import Delta, Generated, Times, ToolCall, Usage
from headrace.protocols.ollama.answers import Head, LineWriter, calls_json, in_message, whole, written

HEAD = Head("m", "now", lambda: 100)
USAGE = Usage(5, 3)


def test_a_time_is_written_in_utc() -> None:
    assert written(1_700_000_000.5) == "2023-11-14T22:13:20.500000Z"


def test_durations_divide_the_time_from_the_start_of_the_prompt() -> None:
    answer = whole(HEAD, in_message, Generated((Delta(text="a", finish="stop"),), USAGE, times=Times(10, 40)))
    durations = [answer[f"{name}_duration"] for name in ("total", "load", "prompt_eval", "eval")]
    assert durations == [100, 0, 30, 60]


def test_calls_are_written_whole_whatever_pieces_they_come_in() -> None:
    writer = LineWriter(HEAD, in_message)
    pieces = [ToolCall(0, "", "c1", "f"), ToolCall(0, '{"a":'), ToolCall(0, "1}"), ToolCall(1, "{}", "c2", "g")]
    sent = b"".join(writer.news(0, Generated((Delta(tool_calls=(piece,)),), USAGE)) for piece in pieces)
    writer.news(0, Generated((Delta(finish="tool_calls"),), USAGE))
    calls, last = (msgspec.json.decode(line) for line in writer.end().splitlines())
    assert sent == b""
    assert [each["function"]["arguments"] for each in calls["message"]["tool_calls"]] == [{"a": 1}, {}]
    assert (last["done_reason"], last["eval_count"]) == ("stop", 3)


def test_a_call_that_was_cut_off_is_none() -> None:
    assert calls_json([ToolCall(0, '{"a":', "c", "f")]) == []


def test_a_whole_answer_has_its_calls_in_the_message() -> None:
    delta = Delta(tool_calls=(ToolCall(0, '{"a": 1}', "c1", "f"),), finish="tool_calls")
    message: dict[str, Any] = whole(HEAD, in_message, Generated((delta,), USAGE))["message"]
    assert message["tool_calls"] == [{"id": "c1", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}}]
