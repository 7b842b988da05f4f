"""What numbers, stop strings and token ids may be."""

import math

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.ranges import (
    check_allowed,
    check_bad_words,
    check_biases,
    check_integer,
    check_stops,
    check_token_ids,
    in_range,
    or_unset,
)


def test_what_is_in_range_is_given_back() -> None:
    assert (in_range(2, "n", 1, 3), in_range(None, "n", 1), in_range(0.5, "t", 0, 2)) == (2, None, 0.5)


@pytest.mark.parametrize("value", [-0.1, 2.1, math.inf, math.nan])
def test_what_is_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(InvalidRequest, match=r"^temperature: must be from 0 to 2, not"):
        in_range(value, "temperature", 0, 2)


def test_an_open_range_says_so() -> None:
    with pytest.raises(InvalidRequest, match=r"^n: must be 1 or more, not 0$"):
        in_range(0, "n", 1)


def test_bounds_are_written_out() -> None:
    with pytest.raises(InvalidRequest, match=r"^top_k: must be from 0 to 2,147,483,648, not -1$"):
        in_range(-1, "top_k", 0, 1 << 31)


def test_stops_are_one_or_several_or_none() -> None:
    assert (check_stops(None), check_stops("a"), check_stops(["a", "b"])) == ((), ("a",), ("a", "b"))


@pytest.mark.parametrize(
    ("stop", "where"),
    [(["x"] * 65, "stop"), ("", "stop"), (["a", ""], r"stop\[1\]"), (["y" * 1025], r"stop\[0\]")],
)
def test_stops_that_are_too_many_or_too_long_or_empty_are_refused(stop: str | list[str], where: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{where}: "):
        check_stops(stop)


def test_a_token_outside_the_vocabulary_is_refused() -> None:
    assert check_token_ids([0, 9], 10, "prompt") == (0, 9)
    for wrong in ([1, 10], [1, -1]):
        with pytest.raises(InvalidRequest, match=r"^prompt\[1\]: token -?\d+ is outside the vocabulary of 10$"):
            check_token_ids(wrong, 10, "prompt")


def test_allowed_tokens_are_some_of_the_vocabulary_or_all() -> None:
    assert (check_allowed(None, 10), check_allowed([0, 9], 10)) == (None, (0, 9))


@pytest.mark.parametrize(
    ("ids", "where"),
    [
        ([], "allowed_token_ids: "),
        ([1, 10], r"allowed_token_ids\[1\]: "),
        ([1] * 16_385, "allowed_token_ids: must be 1 to"),
    ],
)
def test_allowed_tokens_that_are_none_or_outside_the_vocabulary_are_refused(ids: list[int], where: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{where}"):
        check_allowed(ids, 10)


def test_bad_words_are_some_or_none() -> None:
    assert (check_bad_words(None), check_bad_words([]), check_bad_words(["a", " b"])) == ((), (), ("a", " b"))


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["x"] * 1025, "bad_words: at most 1024"),
        (["x" * 8193] * 2, "bad_words: must have at most 16384"),
        (["a", ""], r"bad_words\[1\]: "),
        ([" \n"], r"bad_words\[0\]: "),
    ],
)
def test_bad_words_that_are_too_many_or_too_long_or_empty_are_refused(words: list[str], where: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{where}"):
        check_bad_words(words)


def test_biases_are_by_token() -> None:
    assert check_biases({"3": -100, "4": 0.5}, 10) == {3: -100, 4: 0.5}


@pytest.mark.parametrize("biases", [{"10": 1}, {"-1": 1}, {"x": 1}, {"1": 101}, {"9" * 30: 1}])
def test_a_bias_for_no_token_or_too_large_is_refused(biases: dict[str, float]) -> None:
    with pytest.raises(InvalidRequest, match=r"^logit_bias"):
        check_biases(biases, 10)


def test_too_many_biases_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="at most 1024"):
        check_biases({str(i): 1 for i in range(1025)}, 2000)


def test_a_seed_has_64_bits() -> None:
    assert (check_integer(-5, "seed"), check_integer(None, "seed")) == (-5, None)
    with pytest.raises(InvalidRequest, match="64 bits"):
        check_integer(1 << 63, "seed")


@pytest.mark.parametrize("value", [1 << 63, 10**400])
def test_an_integer_that_no_message_has_room_for_is_refused_where_it_stands(value: int) -> None:
    with pytest.raises(InvalidRequest, match="max_tokens: must be an integer of 64 bits"):
        in_range(value, "max_tokens", 1)


@pytest.mark.parametrize("value", [1 << 63, 10**400, -(10**400)])
def test_an_integer_that_no_number_has_room_for_is_told_the_bounds_that_there_are(value: int) -> None:
    with pytest.raises(InvalidRequest, match=r"n: must be from 1 to 128$"):
        in_range(value, "n", 1, 128)


def test_what_is_left_out_is_as_it_is_unset_and_nothing_else_is() -> None:
    assert or_unset(None, 0.7) == 0.7
    assert or_unset(0.0, 0.7) == 0.0
