"""Levels that move are found where they moved; noise and bursts are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.changes.change_point import LEAST, largest, shifts, spread, step_near
from headrace.changes.slots import Numbers


def noise(size: int, hangs: float, seed: int, sd: float = 0.1) -> Numbers:
    """Each value is near the one before, the more the more `hangs`."""
    random = np.random.default_rng(seed)
    made = random.normal(0, sd, size)
    for place in range(1, size):
        made[place] = hangs * made[place - 1] + np.sqrt(1 - hangs**2) * made[place]
    return np.asarray(made)


@pytest.mark.parametrize("size", [24, 40, 300, 2000])
@pytest.mark.parametrize("hangs", [0.0, 0.5, 0.8])
def test_a_step_is_found_where_it_is(size: int, hangs: float) -> None:
    values = noise(size, hangs, seed=size)
    values[size // 2 :] += 0.7
    (found,) = shifts(np.arange(size), values)
    assert abs(found.at - size // 2) <= 2
    assert found.after - found.before == pytest.approx(0.7, abs=0.2)


@pytest.mark.parametrize("hangs", [0.0, 0.5, 0.8])
def test_noise_moves_nowhere(hangs: float) -> None:
    found = [shifts(np.arange(600), noise(600, hangs, seed)) for seed in range(20)]
    assert sum(map(len, found)) <= 1


def test_a_burst_is_no_level() -> None:
    values = noise(200, 0.0, seed=1)
    values[50:54] += 3
    values[120:123] += 5
    assert not shifts(np.arange(200), values)


def test_there_and_back_are_two() -> None:
    values = noise(400, 0.3, seed=2)
    values[150:200] += 1
    up, down = shifts(np.arange(400), values)
    assert (up.at, down.at) == pytest.approx((150, 200), abs=2)
    assert up.end < down.at <= down.end


def test_a_gap_says_how_far_off_the_moment_may_be() -> None:
    seconds = np.concatenate((np.arange(40), np.arange(70, 110)))
    values = noise(80, 0.0, seed=3)
    values[40:] += 1
    (found,) = shifts(seconds, values)
    assert (found.at, found.within_s) == (70, 31)


def test_shares_of_few_are_believed_no_more_than_they_can_be() -> None:
    random = np.random.default_rng(4)
    counts = np.full(100, 5)
    shares = random.binomial(counts, 0.1) / counts
    floor = np.full(100, np.sqrt(0.1 * 0.9 / 5))
    assert not shifts(np.arange(100), shares, floor, smooth=False)


@given(st.lists(st.floats(-1e6, 1e6), max_size=80))
def test_whatever_the_values_places_are_in_order_and_apart(values: list[float]) -> None:
    found = shifts(np.arange(len(values)), np.array(values))
    places = [shift.at for shift in found]
    assert places == sorted(places)
    assert all(LEAST <= place <= len(values) - LEAST for place in places)


def test_a_step_near_a_moment_is_told_from_one_elsewhere() -> None:
    values = noise(120, 0.0, seed=5)
    values[60:] += 1
    seconds = np.arange(120)
    near = step_near(seconds, values, 62, 5)
    assert near is not None
    assert near.at == pytest.approx(60, abs=1)
    assert step_near(seconds, values, 80, 5) is None


def test_too_few_points_and_a_flat_line_have_no_move() -> None:
    assert largest(np.arange(5), np.arange(5.0)) is None
    assert largest(np.arange(50), np.ones(50)) is None
    assert largest(np.arange(50), np.full(50, np.nan)) is None


def test_the_spread_is_not_changed_by_a_burst() -> None:
    values = noise(200, 0.0, seed=6)
    burst = values.copy()
    burst[10:15] = 100
    assert spread(burst) == pytest.approx(spread(values), rel=0.1)
    assert spread(np.zeros(0)) == 0
