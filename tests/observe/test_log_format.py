"""A log record is one line, whatever is in it."""

import json
import logging
import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.observe.log_format import FIELDS, MAX_VALUE_CHARACTERS, JsonFormatter, TextFormatter

NASTY = ["\x7f", "a\nb", "a\r\nb", "\x1b[31mred", "\x00", "\u2028", "\x85", "\udc80"]


def record(message: str, severity: int = logging.INFO, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("headrace.test", severity, __file__, 1, message, (), None)
    made.created = 1_700_000_000.25
    setattr(made, FIELDS, fields)
    return made


def broken(event: str, message: str) -> logging.LogRecord:
    made = record(event, logging.ERROR)
    try:
        raise ValueError(message)
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_text_has_time_level_event_and_fields() -> None:
    line = TextFormatter().format(record("model is READY", model="m", seconds=0.123456789))
    assert line == "22:13:20.250 info     model is READY  model=m seconds=0.123457"


def test_text_without_fields_ends_with_the_event() -> None:
    assert TextFormatter().format(record("draining")).endswith(" draining")


@pytest.mark.parametrize(
    ("value", "text"),
    [("two words", '"two words"'), ('say "x"', '"say \\"x\\""'), ("a=b", '"a=b"'), ("", '""'), ("é", "é"), (3, "3")],
)
def test_values_that_could_be_misread_are_quoted(value: Any, text: str) -> None:
    assert TextFormatter().format(record("e", name=value)).endswith(f" name={text}")


def test_a_value_cannot_end_its_quotes() -> None:
    line = TextFormatter().format(record("e", name='x\\" level="error'))
    assert json.loads(line.partition("name=")[2]) == 'x\\" level="error'


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_ends_a_line_or_steers_a_terminal(nasty: str) -> None:
    for formatter in (TextFormatter(), JsonFormatter()):
        assert formatter.format(record(nasty, name=nasty)).isprintable()


@given(st.text(), st.text())
def test_any_text_makes_one_printable_line(event: str, value: str) -> None:
    for formatter in (TextFormatter(), JsonFormatter()):
        assert formatter.format(record(event, name=value)).isprintable()


def test_json_has_reserved_names_that_fields_cannot_take() -> None:
    made = record("started", ts="never", level="none", event="forged", model="m")
    assert json.loads(JsonFormatter().format(made)) == {
        "ts": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "logger": "headrace.test",
        "event": "started",
        "model": "m",
    }


def test_arguments_of_the_event_are_filled_in() -> None:
    made = record("%d of %s")
    made.args = (3, "five")
    assert json.loads(JsonFormatter().format(made))["event"] == "3 of five"


def test_a_long_value_is_cut_and_says_so() -> None:
    line = json.loads(JsonFormatter().format(record("e", id="x" * 10_000)))
    assert line["id"] == "x" * MAX_VALUE_CHARACTERS + "... (10000 characters)"


def test_a_traceback_is_a_field_in_json() -> None:
    line = JsonFormatter().format(broken("failed", "line\nforged"))
    assert line.isprintable()
    assert "ValueError: line\nforged" in json.loads(line)["exception"]


def test_every_line_of_a_traceback_is_indented_in_text() -> None:
    first, *others = TextFormatter().format(broken("failed", "x\n12:00:00.000 info     forged")).split("\n")
    assert first.endswith("failed")
    assert others
    assert all(re.match(r"    \| ", line) for line in others)


def test_colour_is_for_terminals_only() -> None:
    assert "\x1b[33m" in TextFormatter(colour=True).format(record("e", logging.WARNING))
    assert "\x1b" not in TextFormatter().format(record("e", logging.WARNING))
