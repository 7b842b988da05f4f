"""Whether something rare became more frequent."""

import pytest

from headrace.drift.shares import beyond_p, excess_p
from tests.drift.golden import GOLDEN


@pytest.mark.parametrize(("current", "rows", "reference", "held", "p"), GOLDEN["fisher"])
def test_the_chance_is_that_of_fishers_test_in_scipy(
    current: int, rows: int, reference: int, held: int, p: float
) -> None:
    assert excess_p(current, rows, reference, held) == pytest.approx(p, rel=1e-6)


def test_none_is_never_an_excess() -> None:
    assert excess_p(0, 500, 10, 2000) == 1.0


def test_values_out_of_range_are_a_surprise_only_where_there_are_several() -> None:
    assert beyond_p(1, 1, 500, 2000) > 0.1
    assert beyond_p(0, 12, 500, 2000) < 1e-6
