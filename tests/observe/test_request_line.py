"""What a line says of a request, and what it leaves out."""

import logging
from random import Random

import msgspec
import pytest
from msgspec.structs import replace

from headrace.observe.log_format import MAX_VALUE_CHARACTERS, JsonFormatter, TextFormatter
from headrace.observe.request_line import RequestLine, request_line, severity, tell_phases
from headrace.records import RequestRecord
from headrace.types import BatchFacts
from tests.observe.make import answered, failed, generated


def test_what_is_empty_is_left_out_and_nothing_else() -> None:
    line = request_line(replace(answered(rows=0), written_ns=0), False, None, 1, 0)
    told = msgspec.to_builtins(line)
    assert told["rows"] == 0
    assert told.keys().isdisjoint({"tenant", "also", "slow", "of", "serialise_ms", "finish", "tokens"})


@pytest.mark.parametrize(
    ("code", "slow", "wanted"),
    [("", False, "INFO"), ("", True, "WARNING"), ("queue_full", False, "WARNING"), ("internal", True, "ERROR")],
)
def test_how_bad_it_is_follows_from_what_became_of_it(code: str, slow: bool, wanted: str) -> None:
    assert logging.getLevelName(severity(failed(code), slow)) == wanted


@pytest.mark.parametrize("seed", range(50))
def test_one_that_was_run_is_told_as_its_phases_say(seed: int) -> None:
    draw = Random(seed)
    arrived, submitted, admitted, started, finished, written = (
        draw.choice((0, draw.randrange(10**7))) for _ in range(6)
    )
    run = BatchFacts(1, 1, "idle", 0, started, infer_ns=draw.randrange(10**6))
    record = RequestRecord("r", "m", 1, "http", 1, arrived, submitted, finished, run)
    line = request_line(replace(record, written_ns=written, admitted_ns=admitted), False, None, 1, 0)
    told = RequestLine("", "", "", "")
    tell_phases(told, replace(record, written_ns=written, admitted_ns=admitted), None)
    names = ("parse_ms", "admit_ms", "queue_ms", "compute_ms", "serialise_ms")
    assert [getattr(line, name) for name in names] == [getattr(told, name) for name in names]


def test_of_a_generation_its_phases_and_tokens_are_told() -> None:
    record = replace(answered(), batch=None)
    line = request_line(record, False, generated(), 1, 0)
    assert (line.tokens, line.finish, line.compute_ms) == (11, "stop", None)
    assert None not in (line.queue_ms, line.prefill_ms, line.decode_ms)


def test_a_long_value_is_cut_in_both_forms() -> None:
    line = RequestLine("2023-11-14T22:13:20.005Z", "info", "l", "request", id="x" * 2 * MAX_VALUE_CHARACTERS)
    for form in (JsonFormatter(), TextFormatter()):
        assert f"... ({2 * MAX_VALUE_CHARACTERS} characters)" in form.write(line)


@pytest.mark.parametrize("odd", ["", "x" * MAX_VALUE_CHARACTERS, "\x7f", "\x1c", "é", "\u2028", "\udc80"])
@pytest.mark.parametrize("form", [JsonFormatter(), TextFormatter()])
def test_many_are_written_as_each_would_be(form: JsonFormatter | TextFormatter, odd: str) -> None:
    lines = [request_line(replace(answered(), id=id_), False, None, 1, 0) for id_ in ("a", odd, "b")]
    assert form.write_all(lines) == [f"{form.write(line)}\n" for line in lines]
    assert form.write_all([]) == []
