"""Chance is not taken for evidence, however often one looks; what is too frequent is found."""

import math
from itertools import accumulate, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.traffic.evidence import HARMLESS, Looks, fisher_p, is_beyond, log_evidence


def ever(rate: float, limit: float, total: int, alpha: float, seed: int) -> int | None:
    """After how many of `total` events it is found to be beyond, looking after each; None: never."""
    draw = Random(seed).random
    counts = accumulate(draw() < rate for _ in range(total))
    return next((at for at, count in enumerate(counts, 1) if is_beyond(limit, count, at, alpha)), None)


@pytest.mark.parametrize("limit", [0.01, 0.02, 0.2])
def test_what_is_harmless_is_seldom_found_beyond_though_each_event_is_looked_at(limit: float) -> None:
    found = [ever(limit * HARMLESS, limit, 1000, 0.05, seed) for seed in range(300)]
    assert sum(each is not None for each in found) <= 0.05 * 300 + 3 * math.sqrt(0.05 * 0.95 * 300)


def test_what_never_happens_is_never_found() -> None:
    assert not any(is_beyond(0.02, 0, total, 0.05) for total in range(1, 10_000, 7))


def test_a_rate_of_twice_and_a_half_its_limit_is_found_within_five_hundred() -> None:
    found = [ever(0.05, 0.02, 500, 1e-4, seed) for seed in range(200)]
    assert sum(each is None for each in found) <= 6


def test_what_always_fails_is_found_at_once() -> None:
    assert ever(1.0, 0.01, 10, 1e-4, 0) in (2, 3)


@given(st.integers(1, 200), st.floats(0.001, 1.0), st.data())
def test_what_is_within_its_limit_is_never_beyond(total: int, limit: float, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, int(limit * total)))
    assert not is_beyond(limit, count, total, 1.0)


def test_a_limit_of_none_allows_none() -> None:
    assert is_beyond(0.0, 1, 1000, 1e-9)
    assert not is_beyond(0.0, 0, 1000, 1.0)


@given(st.integers(1, 300), st.floats(0.001, 0.9))
def test_evidence_grows_with_each_event(total: int, limit: float) -> None:
    values = [log_evidence(count, total, limit) for count in range(0, total + 1, max(1, total // 10))]
    assert values == sorted(values)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_fishers_test_is_the_count_of_tables(count: int, without: int, others: int, others_without: int) -> None:
    total, other_total, events = count + without, others + others_without, count + others
    ways = [math.comb(events, k) * math.comb(total + other_total - events, total - k) for k in range(total + 1)]
    assert fisher_p(count, total, others, other_total) == pytest.approx(sum(ways[count:]) / sum(ways), rel=1e-6)


def test_looks_spend_no_more_than_they_may_and_each_has_more_to_see() -> None:
    looks = Looks(8)
    spent = {total: looks.alpha(total, 0.1) for total in range(10_000)}
    at = [total for total, alpha in spent.items() if alpha]
    assert sum(spent.values()) < 0.1
    assert at[0] == 8
    assert all(later >= min(total + 1, int(total * 1.4)) for total, later in pairwise(at))
