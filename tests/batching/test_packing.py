"""Which lengths share a run."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.job import Job
from headrace.batching.length_class import longest_of
from headrace.batching.packing import EVEN_ROWS, Line, Lines, best_window, chosen, mean_length, packed_window
from headrace.batching.queue import Queue
from headrace.batching.turns import Turns
from tests.batching.jobs import MS, job

INFINITE = 1e18


def line(length_class: int) -> Line:
    return Line.of(1.5 * MS, 0.035 * MS * longest_of(length_class), 64)  # about a small encoder on two cores


def packed(
    head: Job,
    *others: Job,
    slack: float = INFINITE,
    most_rows: int = 64,
    measured: Callable[[int], Line] = line,
) -> list[int]:
    jobs, heavy = closed(head, *others, slack=slack, most_rows=most_rows, measured=measured)
    assert jobs[0] is head
    assert not heavy
    return sorted(each.length for each in jobs)


def closed(
    head: Job,
    *others: Job,
    slack: float = INFINITE,
    most_rows: int = 64,
    most_bytes: int = 1 << 30,
    measured: Callable[[int], Line] = line,
) -> tuple[list[Job], bool]:
    queue: Queue[Job] = Queue()
    for index, each in enumerate((head, *others)):
        queue.push(each, index)
    (group,) = queue.groups.values()
    window = best_window(group, head, Lines(measured), slack, most_rows)
    waiting = Turns({}).in_order(group.within(window.shortest, window.longest), 0)
    return chosen(head, waiting, window.rows, most_bytes)


def test_lengths_that_are_nearly_equal_share_a_run() -> None:
    assert packed(job(20), job(22), job(24), job(21)) == [20, 21, 22, 24]


def test_a_long_row_is_not_joined_by_one_that_would_be_mostly_padding() -> None:
    assert packed(job(256), job(5), job(5), job(5)) == [256]


def test_short_rows_are_padded_where_that_is_cheaper_than_a_run_of_their_own() -> None:
    assert packed(job(8), job(12), job(10)) == [8, 10, 12]


def test_a_short_head_joins_a_longer_row_only_where_it_pays() -> None:
    assert packed(job(10), job(256)) == [10]
    assert packed(job(20), job(40)) == [20, 40]


def test_only_as_many_rows_as_the_deadline_leaves_time_for() -> None:
    assert len(packed(*[job(24) for _ in range(20)], slack=6 * MS)) == 4


def test_a_head_that_is_late_anyhow_is_run_alone() -> None:
    assert packed(job(24), job(24), slack=0.0) == [24]


def test_a_run_is_not_longer_than_is_worth_an_earlier_answer() -> None:
    assert len(packed(*[job(128) for _ in range(16)])) == EVEN_ROWS


def test_a_short_run_takes_all() -> None:
    assert len(packed(*[job(16) for _ in range(16)])) == 16


def test_where_rows_cost_nothing_all_share_a_run() -> None:
    assert len(packed(job(5), job(100), job(256), measured=lambda length_class: Line.of(MS, 0.0, 64))) == 3


def test_a_batch_that_is_too_heavy_leaves_the_rest() -> None:
    head, other = job(8), job(8)
    assert closed(head, other, most_bytes=head.num_bytes) == ([head], True)


def window_of(head: Job, *others: Job, slack: float = INFINITE, most_rows: int = 64) -> tuple[list[Job], float]:
    """What shares a run where rows are packed, and how long that takes."""
    queue: Queue[Job] = Queue()
    for index, each in enumerate((head, *others)):
        queue.push(each, index)
    (group,) = queue.groups.values()
    lines = Lines(line)
    window = packed_window(group, head, lines, slack, most_rows)
    assert (window.shortest, window.longest) == (group.classes[0], group.classes[-1])
    waiting = Turns({}).in_order(group.within(window.shortest, window.longest), 0)
    room_ns = window.time_ns - lines[head.length_class].time(head.rows)
    jobs, _ = chosen(head, waiting, window.rows, 1 << 30, lambda job: lines[job.length_class].row * job.rows, room_ns)
    return jobs, window.time_ns


def test_packed_rows_of_all_lengths_share_a_run() -> None:
    jobs, time_ns = window_of(job(64), job(5), job(60), job(20))
    assert sorted(each.length for each in jobs) == [5, 20, 60, 64]
    tokens = sum(longest_of(each.length_class) for each in jobs)
    assert time_ns == pytest.approx((1.5 + 0.035 * tokens) * MS, rel=1e-6)


@given(st.lists(st.integers(1, 256), min_size=1, max_size=EVEN_ROWS))
def test_rounding_leaves_none_out_of_a_packed_run_that_has_room_for_all(lengths: list[int]) -> None:
    head, *others = map(job, lengths)
    jobs, _ = window_of(head, *others)
    assert len(jobs) == len(lengths)


@given(st.lists(st.integers(1, 256), min_size=1, max_size=60), st.floats(1, 100), st.integers(1, 64))
def test_a_packed_run_is_in_time_where_its_head_alone_would_be(
    lengths: list[int], slack_ms: float, most_rows: int
) -> None:
    head, *others = map(job, lengths)
    jobs, _ = window_of(head, *others, slack=slack_ms * MS, most_rows=most_rows)
    lines = Lines(line)
    took = lines[0].fixed + sum(lines[each.length_class].row for each in jobs)
    assert jobs[0] is head
    assert len(jobs) <= most_rows
    assert took <= max(slack_ms * MS, lines[head.length_class].time(1)) + 10


def test_the_mean_length_counts_rows() -> None:
    assert mean_length([job(10)], 1) == 10
    assert mean_length([job(10, rows=3), job(50)], 4) == 20
