"""How much stands before a newcomer."""

import itertools
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.work_ahead import FAR, Cell, WorkAhead, bucket_of, due_by
from headrace.virtual_counters import VirtualCounters


class Placed(NamedTuple):
    """Something that waits."""

    cell: Cell
    tenant: str
    cost_ns: float


costs = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5), st.sampled_from("ab"), st.integers(0, 9)))


def test_the_same_moment_is_one_bucket_and_no_deadline_comes_last() -> None:
    assert bucket_of(5, 1_000, 0) == bucket_of(5, 2_000, 0) < bucket_of(5, 2_000_000_000, 0) < bucket_of(5, None, 0)
    assert bucket_of(1, None, 0) < bucket_of(2, 0, 0)


def test_turns_are_taken_by_weight() -> None:
    work = WorkAhead()
    work.add(due_by(5, FAR), "flood", 90.0, 90)
    work.add(due_by(5, FAR), "quiet", 10.0)
    assert work.fair_share_before("quiet", VirtualCounters({})) == 20.0 + 1.0  # the last may go beyond
    assert work.fair_share_before("quiet", VirtualCounters({"flood": 3.0})) == 40.0 + 1.0
    assert work.fair_share_before("flood", VirtualCounters({})) == 100.0
    assert work.fair_share_before("new", VirtualCounters({})) == 1.0 + 10.0  # who waits already goes first, of equals


def test_who_was_served_less_comes_before_who_was_served_more() -> None:
    work, turns = WorkAhead(), VirtualCounters({})
    work.add(due_by(5, FAR), "flood", 90.0, 90)
    work.add(due_by(5, FAR), "quiet", 10.0)
    turns.served("flood", 8.0)
    assert work.fair_share_before("quiet", turns) == 10.0 + 2.0 + 1.0
    turns.served("flood", 8.0)
    assert work.fair_share_before("quiet", turns) == 10.0
    turns.served("quiet", 30.0)
    assert work.fair_share_before("quiet", turns) == 10.0 + 24.0 + 1.0


def test_room_behind_is_what_the_tightest_of_those_behind_leaves() -> None:
    work = WorkAhead()
    soon, later = bucket_of(5, 10 << 22, 0), bucket_of(5, 20 << 22, 0)
    work.add(later, "", float(5 << 22))
    assert work.around(soon, 0.0) == (0.0, float((21 - 5) << 22))
    assert work.around(later, 0.0) == (float(5 << 22), float("inf"))


@given(costs, st.data())
def test_sums_are_those_of_what_is_there(items: list[tuple[int, int, str, int]], data: st.DataObject) -> None:
    work = WorkAhead()
    works = [
        Placed(work.add(due_by(level, at), tenant, float(cost)), tenant, float(cost))
        for level, at, tenant, cost in items
    ]
    taken = data.draw(st.lists(st.sampled_from(range(len(works))), unique=True)) if works else []
    work.take([works[number] for number in taken])
    left = [item for number, item in enumerate(items) if number not in taken]
    assert work.total_ns == sum(cost for *_, cost in left)
    assert set(work.tenants) == {tenant for _, _, tenant, _ in left}
    assert work.is_level == (len({level for level, *_ in left}) <= 1)
    if left:
        assert work.least_level == min(level for level, *_ in left)
    for level in range(1, 4):
        for at in range(6):
            before, room = work.around(due_by(level, at), 0.0)
            assert before == _before(left, (level, at))
            behind = {(each, when) for each, when, *_ in left if (each, when) > (level, at)}
            assert room == min([when[1] - _before(left, when) for when in behind], default=float("inf"))


@given(costs)
def test_what_comes_between_two_questions_is_seen_by_the_second(items: list[tuple[int, int, str, int]]) -> None:
    asked, fresh = WorkAhead(), WorkAhead()
    for level, at, tenant, cost in items:
        for work in (asked, fresh):
            work.add(due_by(level, FAR if at == 5 else at), tenant, float(cost))
        for level_and_end in itertools.product(range(1, 4), (*range(6), FAR)):
            asked.around(due_by(*level_and_end), 0.0)
    for level_and_end in itertools.product(range(1, 4), (*range(6), FAR)):
        assert asked.around(due_by(*level_and_end), 7.0) == fresh.around(due_by(*level_and_end), 7.0)


def _before(items: list[tuple[int, int, str, int]], place: tuple[int, int]) -> float:
    return float(sum(cost for each, when, _, cost in items if (each, when) <= place))
