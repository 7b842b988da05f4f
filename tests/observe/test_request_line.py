"""What a line says of a request, and what it leaves out."""

import logging

import msgspec
import pytest
from msgspec.structs import replace

from headrace.observe.log_format import MAX_VALUE_CHARACTERS, JsonFormatter, TextFormatter
from headrace.observe.request_line import RequestLine, request_line, severity
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


def test_of_a_generation_its_phases_and_tokens_are_told() -> None:
    record = replace(answered(), batch=None)
    line = request_line(record, False, generated(), 1, 0)
    assert (line.tokens, line.finish, line.compute_ms) == (11, "stop", None)
    assert None not in (line.queue_ms, line.prefill_ms, line.decode_ms)


def test_a_long_value_is_cut_in_both_forms() -> None:
    line = RequestLine("2023-11-14T22:13:20.005Z", "info", "l", "request", id="x" * 2 * MAX_VALUE_CHARACTERS)
    for form in (JsonFormatter(), TextFormatter()):
        assert f"... ({2 * MAX_VALUE_CHARACTERS} characters)" in form.write(line)
