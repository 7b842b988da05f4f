"""Rows become a reference once there are enough."""

import numpy as np

from headrace.drift.collecting import Collecting

ROWS = np.random.default_rng(1).standard_normal((300, 2))


def test_the_reference_is_there_with_the_last_row() -> None:
    collecting = Collecting(["a", "b"], 250)
    assert [each for each in collecting.add(ROWS[:200]) if each] == []
    assert collecting.share == 0.8
    (made,) = [each for each in collecting.add(ROWS[200:]) if each]
    assert made.rows == 250


def test_what_there_is_may_have_to_do() -> None:
    collecting = Collecting(["a", "b"], 250)
    list(collecting.add(ROWS[:120]))
    assert not [each for each in collecting.early(150) if each]
    (made,) = [each for each in collecting.early(100) if each]
    assert made.rows == 120


def test_what_was_needed_early_is_collected_on() -> None:
    collecting = Collecting(["a", "b"], 250)
    list(collecting.add(ROWS[:120]))
    for _ in range(2):
        assert [each.rows for each in collecting.early(100) if each] == [120]
    (made,) = [each for each in collecting.add(ROWS[120:]) if each]
    assert made.rows == 250
