"""Items and events of a response as its deltas come."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import msgspec
import pytest

from headrace.deltas import in_order
from headrace.errors import InvalidRequest
from headrace.generation import Delta, Generated, TokenLogprob, ToolCall, Usage
from headrace.protocols.openai.response_writer import ResponseWriter

USAGE = Usage(5, 3, 2)


class Wrote:
    """A writer, the events that it wrote, and what it ended with."""

    def __init__(self, summarised: bool = False) -> None:
        self.ended: list[Mapping[str, Any]] = []
        self.times = count(1.5)
        self.writer = ResponseWriter(
            {"id": "r", "usage": None}, self.ended.append, lambda: next(self.times), summarised
        )
        self.sent = b""

    def deltas(self, *deltas: Delta) -> "Wrote":
        for delta in deltas:
            self.sent += self.writer.news(0, Generated((delta,), USAGE))
        return self

    def events(self) -> list[Any]:
        found = []
        for each in self.sent.split(b"\n\n")[:-1]:
            name, data = each.split(b"\n")
            event = msgspec.json.decode(data.removeprefix(b"data: "))
            assert name == b"event: " + event["type"].encode()
            found.append(event)
        assert [event["sequence_number"] for event in found] == list(range(len(found)))
        return found


def test_every_item_is_opened_and_closed_in_turn() -> None:
    call = Delta(tool_calls=(ToolCall(0, "{}", "c1", "f"), ToolCall(1, "{}", "c2", "g")))
    wrote = Wrote().deltas(Delta(text="a"), Delta(text='"b'), call, Delta(finish="tool_calls"))
    wrote.sent += wrote.writer.end()
    events = wrote.events()
    assert [event["type"] for event in events].count("response.output_item.done") == 3
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["message", *["function_call"] * 2]
    assert "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta") == 'a"b'
    assert wrote.ended == [wrote.writer.last]
    assert wrote.writer.last["status"] == "completed"
    assert wrote.writer.last["usage"]["input_tokens_details"]["cached_tokens"] == 2


def test_what_is_completed_says_when() -> None:
    whole, cut, ended = Wrote(), Wrote(), Wrote()
    whole.deltas(Delta(text="a", finish="stop")).sent += whole.writer.end()
    cut.deltas(Delta(text="a", finish="length")).sent += cut.writer.end()
    ended.deltas(Delta(text="a")).sent += ended.writer.cancelled()
    told = [each["response"]["completed_at"] for each in whole.events() if "response" in each]
    assert told == [None, None, 1]
    assert whole.writer.last["completed_at"] == 1
    for other in (cut, ended):
        assert other.events()[-1]["response"]["completed_at"] is None
        assert other.writer.last["completed_at"] is None


def test_probabilities_of_a_calls_tokens_belong_to_no_message() -> None:
    likely = (TokenLogprob(1, "x", b"x", -0.5),)
    begin = Delta(tool_calls=(ToolCall(0, "{", "c1", "f"),), logprobs=likely)
    more = Delta(tool_calls=(ToolCall(0, "}"),), logprobs=likely)
    said = Delta(text="a", logprobs=likely)
    for before, kinds in (((), ["function_call"]), ((said,), ["message", "function_call"])):
        wrote = Wrote().deltas(*before, Delta(logprobs=likely), begin, Delta(logprobs=likely), more)
        wrote.deltas(Delta(finish="tool_calls", logprobs=likely))
        wrote.sent += wrote.writer.end()
        output = wrote.writer.last["output"]
        assert [item["type"] for item in output] == kinds
        assert output[-1]["arguments"] == "{}"
        assert [len(part["logprobs"]) for item in output[:-1] for part in item["content"]] == [1] * len(before)


def test_probabilities_of_tokens_that_gave_no_text_are_told_with_what_follows() -> None:
    likely = (TokenLogprob(1, "x", b"x", -0.5),)
    wrote = Wrote().deltas(
        Delta(logprobs=likely), Delta(text="a", logprobs=likely), Delta(finish="stop", logprobs=likely)
    )
    wrote.sent += wrote.writer.end()
    told = [event for event in wrote.events() if event["type"] == "response.output_text.delta"]
    assert [(event["delta"], len(event["logprobs"])) for event in told] == [("a", 2), ("", 1)]
    assert len(wrote.writer.last["output"][0]["content"][0]["logprobs"]) == 3


def test_an_answer_of_nothing_has_no_items() -> None:
    wrote = Wrote().deltas(Delta(finish="stop"))
    wrote.writer.end()
    assert (wrote.writer.last["output"], wrote.writer.last["status"]) == ([], "completed")


def test_what_is_still_written_is_told_as_far_as_it_has_come() -> None:
    wrote = Wrote().deltas(Delta(reasoning="He"))
    assert wrote.writer.response()["output"][0]["content"] == [{"type": "reasoning_text", "text": "He"}]
    wrote.deltas(Delta(text="a"), Delta(text="b"))
    message = wrote.writer.response()["output"][1]
    assert (message["status"], message["content"][0]["text"]) == ("in_progress", "ab")
    wrote.deltas(Delta(tool_calls=(ToolCall(0, '{"x"', "c1", "f"),)))
    output = wrote.writer.response()["output"]
    assert [item["status"] for item in output] == ["completed", "completed", "in_progress"]
    assert output[2]["arguments"] == '{"x"'


def test_of_one_that_was_deleted_the_events_go_on_and_nobody_is_told_the_end() -> None:
    wrote = Wrote().deltas(Delta(text="a"))
    wrote.writer.forget()
    wrote.sent += wrote.writer.end()
    assert wrote.events()[-1]["type"] == "response.completed"
    assert wrote.ended == []


def test_an_item_that_was_cut_off_is_incomplete() -> None:
    wrote = Wrote().deltas(Delta(text="a", finish="length"))
    wrote.writer.end()
    assert wrote.writer.last["output"][0]["status"] == "incomplete"
    assert wrote.writer.last["incomplete_details"] == {"reason": "max_output_tokens"}


def test_a_failure_is_told_with_what_was_written() -> None:
    wrote = Wrote().deltas(Delta(text="a"))
    wrote.sent += wrote.writer.failed(InvalidRequest("must be short", "input"))
    last = wrote.events()[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"] == {"code": "invalid_prompt", "message": "input: must be short"}
    assert last["response"]["output"][0]["content"][0]["text"] == "a"


def test_a_response_that_is_cancelled_says_so() -> None:
    wrote = Wrote().deltas(Delta(text="a"))
    wrote.sent += wrote.writer.cancelled()
    assert wrote.events()[-1]["response"]["status"] == "cancelled"
    assert wrote.writer.last["status"] == "cancelled"


@pytest.mark.parametrize(
    ("summarised", "field", "kinds"),
    [
        (False, "content", ("content_part", "reasoning_text")),
        (True, "summary", ("reasoning_summary_part", "reasoning_summary_text")),
    ],
)
def test_thoughts_are_an_item_before_the_message(summarised: bool, field: str, kinds: tuple[str, str]) -> None:
    part, text = kinds
    wrote = Wrote(summarised).deltas(Delta(reasoning="a"), Delta(reasoning="b"), Delta(text="c", finish="stop"))
    wrote.sent += wrote.writer.end()
    thoughts, message = wrote.writer.last["output"]
    assert (thoughts["type"], thoughts["status"], message["type"]) == ("reasoning", "completed", "message")
    assert [each["text"] for each in thoughts[field]] == ["ab"]
    told = [event["type"] for event in wrote.events() if event.get("item_id") == thoughts["id"]]
    middle = [f"response.{text}.delta"] * 2
    assert told == [f"response.{part}.added", *middle, f"response.{text}.done", f"response.{part}.done"]


def test_thoughts_that_were_cut_off_are_incomplete() -> None:
    wrote = Wrote().deltas(Delta(reasoning="a", finish="length"))
    wrote.writer.end()
    (thoughts,) = wrote.writer.last["output"]
    assert (thoughts["type"], thoughts["status"]) == ("reasoning", "incomplete")


def test_whole_and_streamed_are_the_same_items_in_the_same_order() -> None:
    likely = (TokenLogprob(1, "x", b"x", -0.5),)
    came = [
        Delta(text="a", logprobs=likely),
        Delta(tool_calls=(ToolCall(0, "{", "c0", "f"),), logprobs=likely),
        Delta(tool_calls=(ToolCall(0, "}"),)),
        Delta(text="b", logprobs=likely),
        Delta(text="c", finish="tool_calls", logprobs=likely),
    ]
    outputs = []
    for deltas in (came, in_order(came)):
        wrote = Wrote().deltas(*deltas)
        wrote.writer.end()
        output = wrote.writer.last["output"]
        outputs.append([{key: value for key, value in item.items() if key != "id"} for item in output])
    assert [item["type"] for item in outputs[0]] == ["message", "function_call", "message"]
    assert outputs[0][1:] == outputs[1][1:]
    assert outputs[0][0]["content"][0]["text"] == outputs[1][0]["content"][0]["text"] == "a"
