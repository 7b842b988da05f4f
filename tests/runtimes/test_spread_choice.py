"""Which way a batch goes: the one that took less lately for batches like it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.runtimes.spread_choice import AGAIN, LEAST, SHORTEST_NS, SpreadChoice

MS = 1_000_000
ROW = 512


def ways(choice: SpreadChoice, runs: int, took: Callable[[bool], int], rows: int = 8) -> list[bool]:
    """Which way each of so many batches went."""
    gone = []
    for _ in range(runs):
        spread = choice.spreads(rows, ROW)
        choice.took(rows, ROW, spread, took(spread))
        gone.append(spread)
    return gone


@pytest.mark.parametrize("spread_ms", [60, 100])
def test_the_quicker_way_is_gone_once_both_are_known_and_the_other_now_and_then(spread_ms: int) -> None:
    gone = ways(SpreadChoice(), 2 * LEAST + 2 * AGAIN, lambda spread: (spread_ms if spread else 80) * MS)
    assert gone[: 2 * LEAST] == [False, True] * LEAST
    assert [spread == (spread_ms < 80) for spread in gone[2 * LEAST :]].count(False) == 2


def test_a_way_that_has_become_quicker_is_found() -> None:
    choice = SpreadChoice()
    ways(choice, 2 * LEAST, lambda spread: (90 if spread else 80) * MS)
    gone = ways(choice, 10 * AGAIN, lambda spread: (70 if spread else 80) * MS)
    assert gone[-AGAIN:].count(False) == 1


def test_a_short_run_stays_whole() -> None:
    assert ways(SpreadChoice(), 10, lambda spread: SHORTEST_NS - 1)[1:] == [False] * 9


def test_each_kind_of_batch_is_known_by_itself() -> None:
    choice = SpreadChoice()
    ways(choice, 2 * LEAST, lambda spread: (60 if spread else 80) * MS)
    ways(choice, 2 * LEAST, lambda spread: (60 if spread else 20) * MS, rows=2)
    assert choice.spreads(8, ROW)
    assert not choice.spreads(2, ROW)


@given(st.lists(st.tuples(st.integers(2, 65536), st.integers(0, 1 << 30), st.integers(0, 10**10))))
def test_any_batch_has_a_way(runs: list[tuple[int, int, int]]) -> None:
    choice = SpreadChoice()
    for rows, row_bytes, run_ns in runs:
        choice.took(rows, row_bytes, choice.spreads(rows, row_bytes), run_ns)
