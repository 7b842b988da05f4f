"""Requests have their lines: all, or one in so many; what failed or was slow first."""

import json
import logging
from collections.abc import Callable
from typing import Any, cast

import pytest
from msgspec.structs import replace

from headrace.generation import Times, Usage
from headrace.observe.levels import Levels
from headrace.observe.log_format import JsonFormatter, TextFormatter
from headrace.observe.log_output import LogOutput
from headrace.observe.log_writer import LogWriter
from headrace.observe.request_lines import TOGETHER, RequestLines
from headrace.observe.sift import Sift
from headrace.observe.slow import Slow
from headrace.records import BundleRecord, Record
from tests.fakes import FakeClock
from tests.observe.make import MS, TIMES, answered, failed, generated, hand_on


class Kept:
    """A writer that keeps what is made."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def make(self, lines: int, made: Callable[[], list[str]]) -> None:
        self.lines += made()
        assert lines <= len(self.lines)


def follow(
    *records: Record,
    levels: Levels | None = None,
    max_per_s: int = 1000,
    max_notable_per_s: int = 5000,
    form: Any = None,
) -> tuple[RequestLines, list[str]]:
    kept = Kept()
    output = LogOutput(cast(LogWriter, kept), form or JsonFormatter(), levels or Levels())
    lines = RequestLines(output, max_per_s, max_notable_per_s, FakeClock().now_ns, 1_700_000_000_000_000_000)
    hand_on(records, Sift(Slow(50), [lines.follow]))
    return lines, kept.lines


def text_of(*records: Record, **how: Any) -> list[str]:
    return follow(*records, **how)[1]


def lines_of(*records: Record, **how: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text_of(*records, **how)]


def test_a_request_has_a_line_with_its_ids_phases_and_sizes() -> None:
    record = replace(answered(rows=2), id="r", also="b", trace="00-a-b-01", tenant="t", written_ns=5_001_000)
    (line,) = lines_of(record)
    assert line == {
        "ts": "2023-11-14T22:13:20.005Z",
        "level": "info",
        "logger": "headrace.requests",
        "event": "request",
        "id": "r",
        "also": "b",
        "model": "m",
        "version": 1,
        "protocol": "http",
        "tenant": "t",
        "code": "ok",
        "rows": 2,
        "ms": 1.0,
        "batch": 2,
        "trace": "00-a-b-01",
        "parse_ms": 0.0001,
        "queue_ms": 0.0004,
        "compute_ms": 0.0,
        "serialise_ms": 0.001,
    }


@pytest.mark.parametrize(
    ("code", "level", "event"),
    [
        ("internal", "error", "request not served"),
        ("queue_full", "warning", "request not served"),
        ("invalid_request", "info", "request refused"),
    ],
)
def test_one_that_failed_says_whose_fault_it_was(code: str, level: str, event: str) -> None:
    (line,) = lines_of(failed(code))
    assert (line["level"], line["event"], line["code"]) == (level, event, code)


def test_a_slow_one_is_a_warning() -> None:
    (line,) = lines_of(answered(took_ns=60 * MS, finished_ns=100 * MS))
    assert (line["level"], line["slow"]) == ("warning", True)


def test_above_the_limit_one_in_so_many_has_its_line_and_says_for_how_many_it_stands() -> None:
    lines = lines_of(*[answered()] * 100, failed("internal"), max_per_s=10)
    assert [line.get("of") for line in lines] == [10] * 10 + [None]


def test_what_failed_or_was_slow_has_its_line_whatever_the_others_may() -> None:
    slow = answered(took_ns=60 * MS, finished_ns=100 * MS)
    lines = lines_of(*[failed("invalid_request")] * 500, *[answered()] * 500, *[slow] * 500, max_per_s=10)
    assert len(lines) == 1010


def test_a_flood_of_failures_is_cut_by_a_limit_of_its_own_and_counted() -> None:
    lines, written = follow(*[failed("invalid_request")] * 1000, *[answered()] * 5, max_notable_per_s=100)
    assert len(written) == 105
    assert lines.dropped == {"rate": 900}


def test_without_lines_for_requests_only_what_should_have_been_served_has_one() -> None:
    lines = lines_of(answered(), failed("invalid_request"), failed("internal"), max_per_s=0)
    assert [line["code"] for line in lines] == ["internal"]


def test_a_model_that_is_looked_into_has_all_of_its_lines() -> None:
    levels = Levels("warning")
    levels.change(models={"m": "debug"})
    assert len(lines_of(*[answered()] * 100, answered("n"), levels=levels, max_per_s=10)) == 100


def test_at_level_warning_only_what_failed_or_was_slow_has_a_line() -> None:
    lines = lines_of(answered(), failed("invalid_request"), failed("internal"), levels=Levels("warning"))
    assert [line["code"] for line in lines] == ["internal"]


def test_a_generation_is_told_in_the_line_of_its_request() -> None:
    record = replace(answered(took_ns=30 * MS, finished_ns=270 * MS), id="41", batch=None)
    (line,) = lines_of(generated(), record)
    assert line.items() >= {"finish": "stop", "tokens": 11, "ttft_ms": 60.0, "tokens_per_s": 50.0}.items()


def test_several_generations_under_one_id_are_told_one_each() -> None:
    record = replace(answered(), id="41", batch=None)
    lines = lines_of(generated(("stop",)), generated(("length",)), record, record)
    assert [line["finish"] for line in lines] == ["stop", "length"]


def test_generations_under_one_id_are_told_in_their_order_where_lines_are_made_with_rests() -> None:
    tokens = list(range(1, 2 * TOGETHER))
    record = replace(answered(), id="41", batch=None)
    made = [generated(usage=Usage(5, each)) for each in tokens]
    assert [line["tokens"] for line in lines_of(*made, *[record] * len(made))] == tokens


@pytest.mark.parametrize("form", [JsonFormatter(), TextFormatter()])
def test_whatever_a_client_sends_a_line_stays_one_line(form: Any) -> None:
    hostile = "<script>\n\x1b[31m\"'\0\u2028" + "x" * 10_000_000
    (line,) = text_of(replace(answered(), id=hostile, tenant=hostile, also=hostile), form=form)
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert len(line) < 5000


def test_nothing_is_made_where_nothing_is_to_be_written() -> None:
    levels = Levels("error")
    assert text_of(answered(), failed("invalid_request"), levels=levels) == []
    assert levels.shows(logging.ERROR)


def _generation_line(**said: Any) -> dict[str, Any]:
    (line,) = lines_of(generated(**said), replace(answered(finished_ns=400 * MS), id="41", batch=None))
    return line


def test_choices_are_counted_where_there_are_several() -> None:
    line = _generation_line(finishes=("stop", "length", "stop"))
    assert (line["n"], line["finish"]) == (3, "length,stop")


def test_one_that_ended_before_its_first_token_has_no_times() -> None:
    line = _generation_line(finishes=("abort",), usage=Usage(0, 0), times=Times(), longest=0)
    assert not {"ttft_ms", "tokens_per_s", "prompt_tokens"} & set(line)


def test_a_single_token_has_no_speed() -> None:
    assert "tokens_per_s" not in _generation_line(usage=Usage(5, 1), took_ns=60 * MS, longest=1)


def test_times_of_making_room_for_others_are_added_up() -> None:
    paused = replace(TIMES, pauses=((100 * MS, 120 * MS), (150 * MS, 151 * MS)))
    assert _generation_line(times=paused)["preempted_ms"] == 21.0


def test_those_that_are_asked_as_one_have_the_lines_that_they_have_alone() -> None:
    first = answered(took_ns=60 * MS, finished_ns=100 * MS)
    bundle = BundleRecord(first, ["a", "b", "c"], [first.arrived_ns, first.arrived_ns + 30 * MS, 99 * MS])
    alone = [bundle.request(place) for place in range(3)]
    assert text_of(answered(), bundle, failed("internal")) == text_of(answered(), *alone, failed("internal"))
