"""Sums of whiles, and what is read of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.history.point import Point, merged, quantile
from headrace.observe.histogram import DURATION_BOUNDS_NS, Histogram

_counts = st.dictionaries(st.integers(0, len(DURATION_BOUNDS_NS)), st.integers(1, 9))
_points = st.builds(
    lambda took, errors, reasons: Point(sum(took.values()), errors, tuple(sorted(took.items())), reasons=reasons),
    _counts,
    st.integers(0, 9),
    st.dictionaries(st.sampled_from(["full", "idle"]), st.integers(1, 9)),
)


@given(st.lists(_points), st.lists(_points))
def test_it_does_not_matter_in_which_steps_whiles_are_brought_together(some: list[Point], more: list[Point]) -> None:
    assert merged([merged(some), merged(more)]) == merged([*some, *more])


def test_what_was_seen_now_and_then_is_kept_at_its_most() -> None:
    both = merged([Point(queued=3, num_bytes=10), Point(queued=1, num_bytes=20)])
    assert (both.queued, both.num_bytes) == (3, 20)


def test_a_while_without_requests_has_no_times() -> None:
    assert quantile(Point(), 0.5) is None
    assert Point(num_bytes=5).is_empty


@given(st.lists(st.integers(1, 90_000_000_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_time_is_within_the_bucket_that_it_fell_into(values: list[int], share: float) -> None:
    histogram = Histogram(DURATION_BOUNDS_NS)
    histogram.add(values)
    took = tuple((bucket, count) for bucket, count in enumerate(histogram.counts) if count)
    found = quantile(Point(took=took), share)
    exact = sorted(values)[max(0, -(-len(values) * share // 1).__int__() - 1)]
    bucket = next(at for at, bound in enumerate(DURATION_BOUNDS_NS) if exact <= bound)
    below = DURATION_BOUNDS_NS[bucket - 1] if bucket else 0
    assert found is not None
    assert below <= found <= DURATION_BOUNDS_NS[bucket]


def test_what_is_over_every_bound_counts_as_the_highest() -> None:
    assert quantile(Point(took=((len(DURATION_BOUNDS_NS), 1),)), 0.5) == pytest.approx(DURATION_BOUNDS_NS[-1])
