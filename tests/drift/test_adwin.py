"""ADWIN finds what river's finds."""

import pytest

from headrace.drift.adwin import Adwin
from tests.drift.golden import GOLDEN
from tests.drift.series import steps


@pytest.mark.parametrize("seed", range(4))
def test_changes_and_what_is_kept_after_them_are_rivers(seed: int) -> None:
    adwin, found = Adwin(), []
    for i, value in enumerate(steps(seed).tolist()):
        if adwin.update(value):
            found.append([i, adwin.width])
    assert found == GOLDEN["adwin"][seed]
    assert found


def test_the_mean_is_that_of_what_came_since_the_change() -> None:
    adwin = Adwin()
    for value in [0.0] * 500 + [1.0] * 300:
        if adwin.update(value):
            break
    for _ in range(50):
        adwin.update(1.0)
    assert (adwin.mean, adwin.width) == (1.0, 50)


def test_memory_is_of_the_logarithm_of_what_came() -> None:
    adwin = Adwin()
    for i in range(20_000):
        adwin.update(i % 2)
    assert adwin.width == 20_000
    assert sum(map(len, adwin._rows)) < 100
