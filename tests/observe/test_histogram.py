"""Values are counted by the bound that they do not exceed."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from headrace.observe.histogram import (
    CHOICE_BOUNDS,
    DURATION_BOUNDS_NS,
    GENERATION_BOUNDS_NS,
    ROW_BOUNDS,
    TOKEN_BOUNDS,
    Histogram,
)


def test_a_bound_includes_its_own_value() -> None:
    histogram = Histogram((10, 20))
    histogram.add([10, 11, 20, 21])
    assert histogram.cumulative() == [1, 3, 4]


def test_the_total_is_what_was_added() -> None:
    histogram = Histogram((10,))
    histogram.add([3])
    histogram.add([4, 50])
    assert histogram.total == 57


@given(st.lists(st.integers(min_value=0, max_value=200_000_000_000)))
def test_it_agrees_with_counting_one_by_one(values: list[int]) -> None:
    histogram = Histogram(DURATION_BOUNDS_NS)
    histogram.add(values)
    slow = [sum(value <= bound for value in values) for bound in DURATION_BOUNDS_NS]
    assert histogram.cumulative() == [*slow, len(values)]


def test_bounds_of_time_go_from_100_us_to_100_s_in_at_most_32_buckets() -> None:
    assert (DURATION_BOUNDS_NS[0], DURATION_BOUNDS_NS[-1]) == (100_000, 100_000_000_000)
    assert len(DURATION_BOUNDS_NS) + 1 <= 32
    assert all(low < high < 1.7 * low for low, high in pairwise(DURATION_BOUNDS_NS))


def test_bounds_of_rows_are_powers_of_two() -> None:
    assert (ROW_BOUNDS[0], ROW_BOUNDS[-1]) == (1, 4096)


def test_a_value_may_be_counted_many_times() -> None:
    histogram = Histogram((10,))
    histogram.add([3, 40], 5)
    assert (histogram.cumulative(), histogram.total) == ([5, 10], 215)


def test_bounds_of_generations_go_from_1_ms_to_1000_s() -> None:
    assert (GENERATION_BOUNDS_NS[0], GENERATION_BOUNDS_NS[-1]) == (1_000_000, 1_000_000_000_000)
    assert all(low < high < 1.7 * low for low, high in pairwise(GENERATION_BOUNDS_NS))


def test_bounds_of_tokens_and_choices_are_powers_of_two() -> None:
    assert (TOKEN_BOUNDS[0], TOKEN_BOUNDS[-1], CHOICE_BOUNDS[-1]) == (1, 131_072, 128)
