"""A line that comes again and again is cut, and others are not."""

import logging

from headrace.observe.log_format import FIELDS
from headrace.observe.repeats import BURST, KINDS, Repeats
from tests.fakes import FakeClock


def line(words: str = "failed on %s", model: str = "m", level: int = logging.INFO) -> logging.LogRecord:
    made = logging.LogRecord("l", level, "", 1, words, ("x",), None)
    setattr(made, FIELDS, {"model": model})
    return made


def test_a_flood_of_one_kind_is_cut_and_the_next_tells_how_many_were() -> None:
    clock = FakeClock()
    repeats = Repeats(clock.now_ns)
    assert sum(repeats.filter(line()) for _ in range(BURST + 7)) == BURST
    clock.pass_ms(1000)
    after = line()
    assert repeats.filter(after)
    assert getattr(after, FIELDS) == {"model": "m", "left_out": 7}


def test_another_model_or_other_words_are_another_kind() -> None:
    repeats = Repeats(FakeClock().now_ns)
    for _ in range(BURST + 1):
        repeats.filter(line())
    assert [repeats.filter(each) for each in (line(), line(model="n"), line("other"))] == [False, True, True]


def test_lines_for_debugging_are_not_cut() -> None:
    repeats = Repeats(FakeClock().now_ns)
    assert all(repeats.filter(line(level=logging.DEBUG)) for _ in range(5 * BURST))


def test_kinds_without_end_take_no_more_than_so_much() -> None:
    repeats = Repeats(FakeClock().now_ns)
    for number in range(3 * KINDS):
        repeats.filter(line(str(number)))
    assert len(repeats._kinds) <= KINDS
