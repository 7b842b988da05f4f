"""Stop strings are found wherever the borders between tokens fall."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.generation import MAX_STOP_CHARACTERS, MAX_STOPS
from headrace.llm.stop_strings import StopStrings, check_stops

AB = st.text("ab", min_size=1, max_size=4)


def naive(text: str, stops: list[str], include: bool) -> tuple[str, str | None]:
    """The text until a stop string is first complete, the longest of those that are."""
    for end in range(1, len(text) + 1):
        for stop in sorted(stops, key=len, reverse=True):
            if text[:end].endswith(stop):
                return text[: end if include else end - len(stop)], stop
    return text, None


def fed(pieces: list[str], stops: list[str], include: bool = False) -> tuple[str, str | None]:
    watch = StopStrings(stops, include)
    text = ""
    for piece in pieces:
        stopped = watch.feed(piece)
        text += stopped.text
        if stopped.stop is not None:
            return text, stopped.stop
    return text + watch.finish(), None


@given(st.lists(st.text("abc", max_size=5)), st.lists(AB, max_size=4), st.booleans())
def test_pieces_give_what_a_look_at_the_whole_text_gives(pieces: list[str], stops: list[str], include: bool) -> None:
    assert fed(pieces, stops, include) == naive("".join(pieces), stops, include)


@given(st.lists(st.text("abc", max_size=5)), st.lists(AB, min_size=1, max_size=4))
def test_only_a_possible_beginning_is_held_back(pieces: list[str], stops: list[str]) -> None:
    watch = StopStrings(stops)
    text = given_out = ""
    for piece in pieces:
        stopped = watch.feed(piece)
        if stopped.stop is not None:
            return
        text, given_out = text + piece, given_out + stopped.text
        held = text[len(given_out) :]
        assert not held or any(stop.startswith(held) and stop != held for stop in stops)


def test_a_stop_string_ends_the_text_before_it_or_with_it() -> None:
    assert fed(["Hello\nUs", "er", ": more"], ["\nUser:"]) == ("Hello", "\nUser:")
    assert fed(["Hello\nUs", "er", ": more"], ["\nUser:"], include=True) == ("Hello\nUser:", "\nUser:")


def test_what_turns_out_to_be_no_stop_string_is_given_out() -> None:
    watch = StopStrings(["\nUser:"])
    assert [watch.feed(piece).text for piece in ("Hi\nUs", "ers")] == ["Hi", "\nUsers"]
    assert watch.feed("\n").text == ""
    assert watch.finish() == "\n"


@pytest.mark.parametrize("stop", ["]", "^", "-", "\\", "[a-z]", "]]>", "é", "🙂"])
def test_every_character_may_begin_a_stop_string(stop: str) -> None:
    assert fed([f"x{stop}y"], [stop, "q"]) == ("x", stop)


def test_without_stop_strings_text_passes() -> None:
    assert fed(["a", "b"], []) == ("ab", None)


@pytest.mark.parametrize(
    ("stops", "where"),
    [([""], "stop[0]"), (["a", "b" * (MAX_STOP_CHARACTERS + 1)], "stop[1]"), (["a"] * (MAX_STOPS + 1), "stop")],
)
def test_more_than_is_looked_for_is_refused(stops: list[str], where: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_stops(stops)
    assert refused.value.where == where


def test_the_most_that_is_allowed_is_cheap() -> None:
    stops = ["a" * (MAX_STOP_CHARACTERS - 1) + chr(0x100 + index) for index in range(MAX_STOPS)]
    check_stops(stops)
    watch = StopStrings(stops)
    begin = time.thread_time()
    for _ in range(500):
        assert watch.feed("aaaa").stop is None
    assert time.thread_time() - begin < 0.5
