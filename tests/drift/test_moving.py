"""Whether the mean of what comes has moved."""

import numpy as np

from headrace.drift.moving import BASE, BLOCK, Moving


def series(seed: int, rows: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).standard_normal(rows)


def test_a_mean_that_stays_is_not_told() -> None:
    assert Moving("score").add(series(1, 50_000)) == []


def test_a_mean_that_moves_is_told_once() -> None:
    moving = Moving("score")
    moving.add(series(1, BASE * BLOCK + 1000))
    found = moving.add(series(2, 1000) + 0.5)
    assert {score.feature for score in found} == {"score"}
    assert moving.add(series(3, 20_000) + 0.5) == []


def test_a_move_of_less_than_the_least_is_none() -> None:
    moving = Moving("latency", least=0.4)
    moving.add(series(1, BASE * BLOCK + 1000))
    assert moving.add(series(2, 5000) + 0.2) == []
    assert moving.add(series(3, 1000) + 0.9)


def test_rows_come_a_few_at_a_time_as_well() -> None:
    one, other = Moving("score"), Moving("score")
    rows = np.concatenate([series(1, 2000), series(2, 1000) + 1])
    few = [score for start in range(0, len(rows), 7) for score in other.add(rows[start : start + 7])]
    assert one.add(rows) == few != []


def test_what_is_missing_is_passed_over() -> None:
    assert Moving("score").add(np.full(5000, np.nan)) == []
