"""The largest of a row, against sorting it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.largest import at_least, column_maxima, depth, k_largest, ranked

LOGITS = st.lists(st.sampled_from([-np.inf, -3.5, 0.0, 0.25, 1.0, 2.0, 7.5]) | st.floats(-9, 9, width=32), min_size=1)


def rows(values: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The values over and over, so that there are many columns and many ties."""
    return np.tile(np.array(values, np.float32), 24)


@given(LOGITS, st.integers(1, 200))
def test_k_largest_are_those_that_sorting_finds_and_their_ties(values: list[float], k: int) -> None:
    row = rows(values)
    last = sorted(row)[-min(k, row.size)]
    assert k_largest(row, column_maxima(row), k).tolist() == [at for at in range(row.size) if row[at] >= last]


@given(LOGITS, st.floats(-9, 9))
def test_what_reaches_a_threshold_is_found_in_order(values: list[float], threshold: float) -> None:
    row = rows(values)
    assert at_least(row, column_maxima(row), threshold).tolist() == [
        at for at in range(row.size) if row[at] >= threshold
    ]


@given(LOGITS, st.integers(0, 30))
def test_ranks_go_by_size_then_by_id(values: list[float], k: int) -> None:
    row = rows(values)
    assert ranked(row, k).tolist() == sorted(range(row.size), key=lambda at: (-row[at], at))[:k]


def test_random_rows_of_a_real_size_agree_with_sorting() -> None:
    row = np.random.default_rng(3).normal(size=49_152).astype(np.float32)
    for k in (1, 5, 40, 700, 5_000):
        assert set(k_largest(row, column_maxima(row), k)) == set(np.argsort(row)[-k:])


@pytest.mark.parametrize(("vocabulary", "expected"), [(49_152, 64), (262_144, 64), (50_257, 29), (97, 1)])
def test_a_column_is_as_deep_as_the_vocabulary_can_be_divided(vocabulary: int, expected: int) -> None:
    assert depth(vocabulary) == expected
