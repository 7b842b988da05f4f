"""Versions that are alike are not taken for slow, and one that is slow is found soon."""

from collections import deque
from collections.abc import Sequence
from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.traffic.slowness import FEWEST, LEAST_NS, Slower, Times, Together, rank_sum_p, slower, slower_together


def times(random: Random, count: int, median_ms: float = 10.0, sigma: float = 0.3) -> list[int]:
    """Skewed, as latencies are, with one in fifty five times as long."""
    return [
        int(random.lognormvariate(0, sigma) * median_ms * 1e6 * (5 if random.random() < 0.02 else 1))
        for _ in range(count)
    ]


def found_after(
    random: Random, factor: float, ratio: float = 1.5, own: int = 1, other: int = 9, most: int = 2000
) -> int:
    """How many times of its own it takes until it is found to be slower; 0: it never is."""
    seen = Times(deque(maxlen=4096))
    for count in range(1, most // own):
        seen.other.extend(times(random, other))
        for ns in times(random, own, 10.0 * factor):
            seen.add(ns)
        if seen.look(ratio, 1e-4):
            return count * own
    return 0


@pytest.mark.parametrize("factor", [1.0, 1.14])
def test_versions_that_are_alike_pass(factor: float) -> None:
    assert not any(found_after(Random(seed), factor, most=600) for seed in range(40))


def test_one_of_twice_the_time_is_found_within_fifty_answers() -> None:
    found = [found_after(Random(seed), 2.0) for seed in range(40)]
    assert all(FEWEST <= each <= 50 for each in found)


def test_one_that_is_slow_in_the_tail_alone_is_found_there() -> None:
    random = Random(1)
    own = [ns * (10 if random.random() < 0.03 else 1) for ns in times(random, 2000)]
    result = slower(own, times(random, 2000), 1.5, 1e-4)
    assert result is not None
    assert result.quantile == 0.99


def test_it_is_told_in_words() -> None:
    assert str(Slower(0.5, 21e6, 10e6, (40, 360))) == "median 21.0 ms is 2.10 times 10.0 ms (40 and 360 answers)"
    assert str(Slower(0.99, 21e6, 10e6, (40, 360))).startswith("p99 21.0 ms")


def test_what_differs_by_less_than_machines_do_passes() -> None:
    assert slower([LEAST_NS] * 500, [LEAST_NS // 10] * 500, 1.5, 0.5) is None


def test_there_is_no_look_before_both_have_answered() -> None:
    seen = Times(deque())
    for _ in range(100):
        seen.add(50_000_000)
    assert seen.look(1.5, 1.0) is None
    seen.other.extend([1_000_000] * 100)
    assert seen.look(1.5, 1.0) is not None
    assert seen.look(1.5, 1.0) is None


@given(st.lists(st.integers(0, 30), min_size=4, max_size=6), st.lists(st.integers(0, 30), min_size=4, max_size=6))
@example([1, 1, 1, 2], [0, 0, 0, 0, 0, 1])
@example([2, 1, 2, 2, 1, 2], [0, 0, 1, 0, 1])
def test_the_rank_sum_is_judged_no_rarer_than_it_is(own: list[int], other: list[int]) -> None:
    pooled = [*own, *other]
    seen = _rank_sum(own, other)
    sums = [
        _rank_sum([pooled[at] for at in chosen], [value for at, value in enumerate(pooled) if at not in chosen])
        for chosen in combinations(range(len(pooled)), len(own))
    ]
    exact = sum(each >= seen for each in sums) / len(sums)
    assert rank_sum_p(np.array(own, float), np.array(other, float)) >= min(exact, 0.02) * 0.9


def _rank_sum(own: Sequence[int], other: Sequence[int]) -> float:
    return sum((mine > each) + (mine == each) / 2 for mine in own for each in other)


def test_several_kinds_show_together_what_none_shows_alone() -> None:
    random = Random(3)
    kinds = [(times(random, 16, 17.0, 0.6), times(random, 150, 10.0, 0.6)) for _ in range(3)]
    assert [slower(own, other, 1.5, 1e-3) for own, other in kinds] == [None, None, None]
    found = slower_together(kinds, 1.5, 1e-3)
    assert found is not None
    assert (found.quantile, found.counts) == (0.5, (48, 450))


@pytest.mark.parametrize("factor", [1.0, 1.14])
def test_versions_that_are_alike_pass_together(factor: float) -> None:
    random = Random(4)
    for _ in range(40):
        kinds = [Times(deque(maxlen=4096)) for _ in range(2)]
        together = Together(kinds)
        for _ in range(100):
            for number, kind in enumerate(kinds):  # one waits longer, of both versions alike
                kind.add(times(random, 1, 10.0 * factor * (1 + number))[0])
                kind.other.extend(times(random, 3, 10.0 * (1 + number)))
            assert together.look(1.5, 1e-4) is None


def test_there_is_no_look_together_before_there_is_enough_of_each_kind() -> None:
    kinds = [Times(deque([1_000_000] * 50)), Times(deque())]
    for _ in range(50):
        kinds[0].add(50_000_000)
    assert Together(kinds).look(1.5, 1.0) is None
