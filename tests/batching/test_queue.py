"""Requests that wait: nobody is lost, and the most urgent comes first."""

import weakref

from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.job import Job
from headrace.batching.queue import Queue
from tests.batching.jobs import MS, job


class Held:
    """What only a job refers to."""


def heads(queue: Queue[Job]) -> list[Job]:
    return [group.head() for group in queue.groups.values()]


def test_of_one_key_the_most_urgent_is_the_head_whatever_its_length() -> None:
    queue: Queue[Job] = Queue()
    later, sooner = job(8, within_ms=20), job(200, within_ms=10)
    for each in (later, sooner):
        queue.push(each, each.due_ns)
    assert heads(queue) == [sooner]


def test_a_higher_priority_comes_before_an_earlier_deadline() -> None:
    queue: Queue[Job] = Queue()
    soon, important = job(within_ms=1), job(within_ms=100, level=1)
    for each in (soon, important):
        queue.push(each, each.due_ns)
    assert heads(queue) == [important]


def test_what_lost_its_turn_goes_before_all_others() -> None:
    queue: Queue[Job] = Queue()
    waiting, lost = job(level=1), job(level=9)
    queue.push(waiting, 0)
    queue.push_front(lost)
    assert heads(queue) == [lost]
    assert queue.oldest() is lost


def test_what_is_removed_is_gone_and_may_be_removed_again() -> None:
    queue: Queue[Job] = Queue()
    only = job()
    queue.push(only, 0)
    queue.remove(only)
    queue.remove(only)
    assert not queue
    assert not queue.groups
    assert queue.num_bytes == 0


def test_what_is_taken_is_let_go_once_nothing_waits() -> None:
    queue: Queue[Job] = Queue()
    gone = Job(1, 0, (held := Held(),), 0)
    gone.deadline_ns = 5
    seen = weakref.ref(held)
    queue.push(gone, 0)
    queue.take((gone,))
    del gone, held
    assert seen() is None


def test_of_what_is_gone_little_is_kept_while_one_that_is_due_sooner_waits() -> None:
    queue: Queue[Job] = Queue()
    first = job(within_ms=1)
    queue.push(first, first.due_ns)
    gone = []
    for number in range(1000):
        made = Job(1, 0, (held := Held(),), 0)
        made.deadline_ns = 3600 * MS * 1000 + number
        gone.append(weakref.ref(held))
        queue.push(made, made.due_ns)
        queue.take((made,))
    del made, held
    assert sum(each() is not None for each in gone) <= 200
    queue.forget()
    assert sum(each() is not None for each in gone) <= 100
    assert [*queue.by_deadline()] == [first]


def test_what_comes_after_many_have_gone_is_behind_those_that_stayed() -> None:
    queue: Queue[Job] = Queue()
    jobs = [job(within_ms=100 - number) for number in range(90)]
    for each in jobs:
        queue.push(each, each.due_ns)
    queue.take(jobs[1:])
    assert queue.first_due() is jobs[0]
    back = [*jobs[5:25], job(within_ms=500)]
    for each in back:
        queue.push(each, each.due_ns)
    assert list(queue) == [jobs[0], *back]
    assert queue.oldest() is jobs[0]
    queue.take([jobs[0], *back[:-1]])
    assert (queue.oldest(), queue.first_due(), len(queue)) == (back[-1], back[-1], 1)


def test_what_came_back_is_due_once() -> None:
    queue: Queue[Job] = Queue()
    lost, other = job(within_ms=20), job(within_ms=30)
    for each in (lost, other):
        queue.push(each, each.due_ns)
    queue.take([lost])
    queue.push_front(lost)
    assert [*queue.by_deadline()] == [lost, other]


def test_the_earliest_deadline_is_known_whatever_comes_first() -> None:
    queue: Queue[Job] = Queue()
    later, sooner, never = job(within_ms=20, level=1), job(within_ms=10, level=9), job()
    for each in (later, sooner, never):
        queue.push(each, each.due_ns)
    assert queue.first_due() is sooner
    queue.remove(sooner)
    assert queue.first_due() is later
    queue.remove(later)
    assert queue.first_due() is None


@given(st.lists(st.tuples(st.sampled_from(["push", "front", "remove", "take"]), st.integers(0, 11))))
def test_counts_order_and_heads_hold_whatever_happens(steps: list[tuple[str, int]]) -> None:
    queue: Queue[Job] = Queue()
    model: list[Job] = []  # the slow, obvious version, in order of arrival
    for step, number in steps:
        if step == "remove":
            if model:
                queue.remove(model.pop(number % len(model)))
        elif step == "take":
            if model:
                some = model[number % 3 :: 2]
                queue.take(some)
                model = [each for each in model if each not in some]
        else:
            made = job(5 * (number % 4), 1 + number % 2, within_ms=number or None, key=str(number % 3))
            made.cost_ns, made.tenant = float(number), str(number % 2)
            if step == "push":
                queue.push(made, made.due_ns)
            else:
                queue.push_front(made)
            model.insert(0 if step == "front" else len(model), made)
        assert list(queue) == model
        assert queue.num_bytes == sum(each.num_bytes for each in model)
        assert queue.work.total_ns == sum(each.cost_ns for each in model)
        assert {key: sum(each.rows for each in group.bins.values()) for key, group in queue.groups.items()} == {
            each.key: sum(other.rows for other in model if other.key == each.key) for each in model
        }
        dated = [each for each in model if each.deadline_ns is not None]
        assert [*queue.by_deadline()] == sorted(dated, key=lambda each: (each.due_ns, each.place[2]))
        for key, group in queue.groups.items():
            assert group.classes == sorted(group.bins)
            assert {
                (tenant, length): entries for tenant, its in group.tenants.items() for length, entries in its.items()
            } == {
                (tenant, length): entries
                for length, its in group.bins.items()
                for tenant, entries in its.entries.items()
            }
            assert group.total_rows == sum(each.rows for each in group.bins.values())
            assert group.head() is min((each for each in model if each.key == key), key=lambda each: each.place)
    assert queue.clear() == model


@given(st.lists(st.tuples(st.integers(0, 11), st.booleans())))
def test_what_came_in_a_row_stands_as_if_it_had_been_looked_at_after_each(arrivals: list[tuple[int, bool]]) -> None:
    at_once: Queue[Job] = Queue()
    each: Queue[Job] = Queue()
    for number, dated in arrivals:
        for queue in (at_once, each):
            made = job(5 * (number % 2), 1 + number % 2, within_ms=number if dated else None, key=str(number // 6))
            made.cost_ns, made.tenant = float(number), str(number // 9)
            queue.push(made, made.due_ns)
        assert each.work.total_ns >= 0.0
    assert at_once.num_bytes == each.num_bytes
    assert at_once.work.total_ns == each.work.total_ns
    assert set(at_once.work.tenants) == set(each.work.tenants)
    places = [
        {
            key: [entry[:3] for bin_ in group.bins.values() for line in bin_.entries.values() for entry in line]
            for key, group in queue.groups.items()
        }
        for queue in (at_once, each)
    ]
    assert places[0] == places[1]


def test_a_tenant_that_has_just_come_waits() -> None:
    queue: Queue[Job] = Queue()
    queue.push(job(tenant="new"), 0)
    assert queue.has("new")
    assert not queue.has("other")
    queue.clear()
    assert not queue.has("new")


def test_those_of_one_tenant_and_one_class_stand_in_one_line() -> None:
    queue: Queue[Job] = Queue()
    later, sooner = job(within_ms=20), job(within_ms=10)
    for each in (later, sooner):
        queue.push(each, each.due_ns)
    (group,) = queue.groups.values()
    assert group.in_one_line() == [sooner, later]
    queue.push(job(tenant="other"), 0)
    (group,) = queue.groups.values()
    assert not group.in_one_line()
