"""The device's time is idle or somebody's, and all of it is told."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.device_time import DeviceTime, split_ns


def test_what_runs_alone_has_all_of_it() -> None:
    device = DeviceTime()
    mark = device.began(100)
    assert device.ended(mark, 160) == 60


def test_what_runs_together_has_equal_parts() -> None:
    device = DeviceTime()
    first = device.began(0)
    second = device.began(40)  # alone for 40
    assert device.ended(first, 100) == 40 + 30
    assert device.ended(second, 150) == 30 + 50


def test_time_in_which_nothing_runs_is_idle() -> None:
    device = DeviceTime()
    device.ended(device.began(0), 10)
    device.ended(device.began(25), 30)
    spent = device.spent(100)
    assert (spent.idle_ns, spent.busy_ns, spent.charged_ns, spent.under_way_ns) == (15 + 70, 15, 15, 0)


def test_what_is_under_way_is_told_before_it_ends() -> None:
    device = DeviceTime()
    device.began(0)
    device.began(10)
    assert device.spent(30).under_way_ns == 30


def test_a_time_that_is_earlier_than_the_last_changes_nothing() -> None:
    device = DeviceTime()
    mark = device.began(100)
    other = device.began(90)
    assert device.ended(mark, 80) == 0
    assert device.ended(other, 110) == 10


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=60), st.integers(0, 10**9))
def test_parts_and_idle_time_add_up_to_all_time(intervals: list[tuple[int, int]], until_ns: int) -> None:
    """Against the slow way: each piece between two moments, divided by who runs in it."""
    runs = [(min(pair), max(pair)) for pair in intervals]
    moments = sorted([(begin, 1, index) for index, (begin, _) in enumerate(runs)])
    moments += [(end, 0, index) for index, (_, end) in enumerate(runs) if end <= until_ns]
    moments = sorted(moment for moment in moments if moment[0] <= until_ns)
    moments.sort(key=lambda moment: (moment[0], not moment[1]))
    device, marks, parts = DeviceTime(), dict[int, float](), dict[int, int]()
    device.spent(0)
    for when_ns, begins, index in moments:
        if begins:
            marks[index] = device.began(when_ns)
        else:
            parts[index] = device.ended(marks[index], when_ns)
    spent = device.spent(until_ns)
    assert spent.idle_ns + spent.busy_ns == until_ns
    assert spent.charged_ns + spent.under_way_ns == pytest.approx(spent.busy_ns, abs=1)
    edges = sorted({0, until_ns, *(edge for run in runs for edge in run if edge < until_ns)})
    expected = dict.fromkeys(parts, 0.0)
    for begin, end in pairwise(edges):
        there = [index for index, run in enumerate(runs) if run[0] <= begin and run[1] >= end]
        for index in expected:
            if index in there:
                expected[index] += (end - begin) / len(there)
    assert parts == pytest.approx(expected, abs=1)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_shares_are_exactly_the_whole(device_ns: int, weights: list[int]) -> None:
    parts = split_ns(device_ns, tuple(("", "serve", weight) for weight in weights))
    assert sum(parts) == (device_ns if sum(weights) else 0)
    assert all(
        abs(part - device_ns * weight / sum(weights)) <= len(weights)
        for part, weight in zip(parts, weights, strict=True)
        if sum(weights)
    )
