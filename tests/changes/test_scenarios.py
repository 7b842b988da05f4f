"""Incidents with a cause and whiles without: what is told of them is right nearly always."""

from functools import cache

import pytest

from tests.changes.incidents import INCIDENTS
from tests.changes.judging import Verdict, judge
from tests.changes.whiles import WHILES

pytestmark = pytest.mark.slow

SEEDS = {**dict.fromkeys(INCIDENTS, range(2000, 2003)), **dict.fromkeys(WHILES, range(2000, 2004))}
"""66 incidents and 44 whiles. Nothing was tried on these seeds to choose a limit by."""


@cache
def verdicts(name: str) -> list[Verdict]:
    return [judge(name, seed) for seed in SEEDS[name]]


@pytest.mark.parametrize("name", [*INCIDENTS, *WHILES])
def test_most_of_one_kind_are_told_as_they_are(name: str) -> None:
    told = verdicts(name)
    assert sum(verdict.right for verdict in told) > len(told) / 2, [verdict.told for verdict in told]


def test_causes_are_right_in_nine_of_ten() -> None:
    told = [verdict for name in INCIDENTS for verdict in verdicts(name)]
    assert len(told) >= 60
    assert sum(verdict.right for verdict in told) >= 0.9 * len(told)


def test_nothing_is_blamed_where_nothing_happened_in_nineteen_of_twenty() -> None:
    told = [verdict for name in WHILES for verdict in verdicts(name)]
    assert len(told) >= 40
    assert sum(verdict.right for verdict in told) >= 0.95 * len(told)


def test_moments_are_right_within_a_window_or_five_seconds() -> None:
    told = [verdict for name in INCIDENTS for verdict in verdicts(name) if verdict.off_s is not None]
    assert sum(verdict.off_s <= verdict.truth.within_s for verdict in told if verdict.off_s is not None) >= 0.95 * len(
        told
    )
