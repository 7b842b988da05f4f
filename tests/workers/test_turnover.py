"""How soon the next of a model's requests leaves."""

import pytest

from headrace.workers.turnover import Turnover

SECOND = 10**9


def turnover(came: int, *left: float) -> Turnover:
    found = Turnover()
    found.came(came * SECOND, 0)
    for at_s in left:
        found.left(int(at_s * SECOND))
    return found


def test_it_is_a_second_until_one_has_left() -> None:
    assert turnover(5).next_s == 1.0


def test_it_is_the_mean_time_between_two_that_left_also_of_those_that_left_at_once() -> None:
    assert turnover(100, 104, 104, 106).next_s == pytest.approx(2)
    assert turnover(100, 100).next_s == 0.001


def test_time_without_any_does_not_count() -> None:
    found = turnover(0, 2)
    found.came(1000 * SECOND, 0)
    found.came(1003 * SECOND, 1)
    found.left(1004 * SECOND)
    assert found.next_s == pytest.approx(3)


def test_what_was_long_ago_is_forgotten() -> None:
    assert turnover(0, 1000, *range(1001, 1033)).next_s == pytest.approx(1)
