"""Whether a request is what its workers die of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.blame import MOST, NONE, Blame


def deaths(*answered: bool) -> Blame:
    blame = NONE
    for each in answered:
        blame = blame.after(each)
    return blame


def test_one_death_is_nobodys_fault() -> None:
    assert not deaths(False).suspected
    assert not deaths(False).given_up(alone=True)


def test_after_two_deaths_it_runs_alone() -> None:
    assert deaths(True, False).suspected


def test_a_hang_is_as_good_as_two_deaths() -> None:
    assert NONE.after(answered=True, hung=True).suspected
    assert NONE.after(answered=False, hung=True).given_up(alone=True)
    assert not NONE.after(answered=False, hung=True).given_up(alone=False)
    assert not NONE.after(answered=True, hung=True).given_up(alone=True)


def test_one_that_dies_in_company_is_not_given_up() -> None:
    assert not deaths(False, False, False).given_up(alone=False)


@pytest.mark.parametrize("answered_before", [False, True])
def test_one_that_dies_alone_twice_with_nothing_answered_between_is_given_up(answered_before: bool) -> None:
    assert not deaths(answered_before).given_up(alone=True)
    assert deaths(answered_before, False).given_up(alone=True)


def test_deaths_between_which_others_were_answered_count_against_nobody() -> None:
    assert not deaths(True, True, True).given_up(alone=True)


@given(st.lists(st.booleans(), min_size=MOST))
def test_no_request_kills_for_ever(answered: list[bool]) -> None:
    assert deaths(*answered).given_up(alone=True)
