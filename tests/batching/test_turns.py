"""Whose turn it is."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.job import Job
from headrace.batching.queue import Entries, Entry
from headrace.batching.turns import Turns
from headrace.tenants import weight_of
from tests.batching.jobs import job


def test_the_tenant_that_was_served_least_is_next() -> None:
    turns = Turns({})
    turns.served("a", 10.0)
    turns.served("b", 5.0)
    assert turns.next(["a", "b"]) == ["b", "a"]


def test_one_that_comes_back_has_saved_up_no_turns() -> None:
    turns = Turns({})
    turns.served("busy", 100.0)
    turns.came("idle", ["busy"])
    turns.served("idle", 1.0)
    assert turns.next(["idle", "busy"]) == ["busy", "idle"]


def test_jobs_come_tenant_after_tenant_by_weight_and_the_higher_level_first() -> None:
    assert in_order([(1, "c"), (5, "a"), (5, "a"), (5, "b"), (5, "b")]) == ["c", "a", "b", "b", "a"]


def test_a_higher_level_is_seen_whoever_was_served_less() -> None:
    assert in_order([(5, "a"), (1, "z"), (5, "z")]) == ["z", "a", "z"]


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 5]), st.sampled_from("abc"), st.integers(0, 4), st.integers(1, 3)), max_size=30
    ),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.lists(st.integers(0, 4), min_size=3, max_size=3),
)
def test_the_order_is_that_of_looking_at_everything(
    jobs: list[tuple[int, str, int, int]], window: tuple[int, int], served: list[int]
) -> None:
    turns = Turns({"b": 2.0})
    bins: dict[int, Entries[Job]] = {}
    left: dict[str, list[Entry[Job]]] = {}
    for tenant, cost in zip("abc", served, strict=True):
        turns.served(tenant, float(cost))
    shortest, longest = min(window), max(window)
    for number, (level, tenant, length_class, cost) in enumerate(sorted(jobs)):
        each = job(tenant=tenant, level=level)
        each.cost_ns = float(cost)
        entry = (level, 0, number, each)
        if shortest <= length_class <= longest:
            bins.setdefault(length_class, {}).setdefault(tenant, []).append(entry)
            left.setdefault(tenant, []).append(entry)
    assert [*turns.in_order([*bins.values()], 0)] == _one_by_one(turns, left)


def _one_by_one(turns: Turns, left: dict[str, list[Entry[Job]]]) -> list[Job]:
    """The slow, obvious version; of one tenant at one level, what came of it counts as served."""
    order: list[Job] = []
    so_far = {tenant: turns.of(tenant) for tenant in left}
    while left:
        tenant = min(left, key=lambda each: (left[each][0][0], so_far[each], each))
        level, _, _, first = left[tenant].pop(0)
        so_far[tenant] += first.cost_ns / weight_of(tenant, turns.weights)
        order.append(first)
        if not left[tenant]:
            del left[tenant]
        elif left[tenant][0][0] != level:
            so_far[tenant] = turns.of(tenant)
    return order


def in_order(jobs: list[tuple[int, str]]) -> list[str]:
    """Whose the jobs are that come, each by its level and its tenant."""
    turns = Turns({"b": 2.0})
    bins: list[Entries[Job]] = [{}, {}]
    for number, (level, tenant) in enumerate(jobs):
        each = job(tenant=tenant, level=level)
        each.cost_ns = 2.0
        bins[number % 2].setdefault(tenant, []).append((level, 0, number, each))
    assert [*turns.in_order([], 0)] == []
    return [each.tenant for each in turns.in_order(bins, 0)]


def test_what_runs_counts_for_whose_it_is() -> None:
    turns, jobs = Turns({"b": 2.0}), [job(tenant=tenant) for tenant in "aabb"]
    for each in jobs:
        each.cost_ns = 3.0
    turns.ran(jobs)
    assert (turns.of("a"), turns.of("b")) == (6.0, 3.0)
