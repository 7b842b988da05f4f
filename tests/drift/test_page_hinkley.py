"""Page and Hinkley's test finds what river's finds."""

import pytest

from headrace.drift.page_hinkley import PageHinkley
from tests.drift.golden import GOLDEN
from tests.drift.series import HINKLEY, steps


@pytest.mark.parametrize("seed", range(4))
def test_changes_are_rivers(seed: int) -> None:
    hinkley = PageHinkley(threshold=HINKLEY)
    found = [i for i, value in enumerate(steps(seed).tolist()) if hinkley.update(value)]
    assert found == GOLDEN["page_hinkley"][seed]
    assert found


def test_a_move_within_the_tolerance_is_none() -> None:
    hinkley = PageHinkley(delta=0.5, threshold=5)
    assert not any(hinkley.update(value) for value in [0.0] * 200 + [0.4] * 200)
