"""Whose turn it is."""

from headrace.batching.job import Job
from headrace.batching.queue import Entry
from headrace.batching.turns import Turns
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
    turns = Turns({"b": 2.0})
    lines: dict[str, list[Entry[Job]]] = {}
    for number, (level, tenant) in enumerate([(1, "c"), (5, "a"), (5, "a"), (5, "b"), (5, "b")]):
        each = job(tenant=tenant, level=level)
        each.cost_ns = 2.0
        lines.setdefault(tenant, []).append(((level, 0, number), each))
    assert [each.tenant for each in turns.in_order(lines)] == ["c", "a", "b", "b", "a"]


def test_what_runs_counts_for_whose_it_is() -> None:
    turns, jobs = Turns({"b": 2.0}), [job(tenant=tenant) for tenant in "aabb"]
    for each in jobs:
        each.cost_ns = 3.0
    turns.ran(jobs)
    assert (turns.of("a"), turns.of("b")) == (6.0, 3.0)
