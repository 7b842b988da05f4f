"""Random numbers by place: the same for the same place, and as good as random over many."""

from itertools import pairwise

import numpy as np
import pytest

from headrace.llm.randomness import stream_key, uniform
from tests.chi_square import fits, tally


def test_the_same_place_gives_the_same_number() -> None:
    assert uniform(stream_key(42), 7) == uniform(stream_key(42), 7)


def test_numbers_stay_as_they_were_for_requests_that_name_a_seed() -> None:
    assert [round(uniform(stream_key(seed), 0), 6) for seed in (0, 1, -1)] == [0.138709, 0.85434, 0.413112]


@pytest.mark.parametrize("other", [(43, 0, 7, 0), (42, 1, 7, 0), (42, 0, 8, 0), (42, 0, 7, 1), (-42, 0, 7, 0)])
def test_another_seed_choice_position_or_lane_gives_another(other: tuple[int, int, int, int]) -> None:
    seed, choice, position, lane = other
    assert uniform(stream_key(seed, choice), position, lane) != uniform(stream_key(42), 7)


def test_a_seed_of_any_size_is_taken() -> None:
    assert 0 <= uniform(stream_key(1 << 200), 0) < 1


@pytest.mark.parametrize("axis", ["seed", "choice", "position", "lane"])
def test_numbers_along_an_axis_are_uniform(axis: str) -> None:
    numbers = [
        {
            "seed": lambda n: uniform(stream_key(n), 3),
            "choice": lambda n: uniform(stream_key(5, n), 3),
            "position": lambda n: uniform(stream_key(5), n),
            "lane": lambda n: uniform(stream_key(5), 3, n),
        }[axis](n)
        for n in range(20_000)
    ]
    assert fits(tally([int(number * 64) for number in numbers], 64), np.full(64, 1 / 64), 1e-4)


def test_a_number_says_nothing_of_the_next() -> None:
    numbers = [int(uniform(stream_key(9), position) * 8) for position in range(20_000)]
    pairs = [8 * one + other for one, other in pairwise(numbers)]
    assert fits(tally(pairs, 64), np.full(64, 1 / 64), 1e-4)
