"""Requests that wait: nobody is lost, nobody is served twice, the oldest goes first."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.check import Checked
from headrace.batching.queue import Queue, Waiting
from tests.fakes import Got, request


def waiting(key: object = "k", rows: int = 1, deadline_ns: int | None = None) -> Waiting:
    return Waiting(request([[0.0, 0.0]] * rows, deadline_ns=deadline_ns), Checked(rows, (key,)), Got(), 0)


def test_the_oldest_request_says_which_key_is_served() -> None:
    queue = Queue()
    first, second, third = waiting("a"), waiting("b"), waiting("a")
    for item in (first, second, third):
        queue.push(item)
    assert queue.take(10) == [first, third]
    assert queue.take(10) == [second]
    assert not queue


def test_a_batch_stops_before_the_request_that_does_not_fit() -> None:
    queue = Queue()
    items = [waiting(rows=2), waiting(rows=2), waiting(rows=1)]
    for item in items:
        queue.push(item)
    assert queue.take(3) == items[:1]
    assert queue.take(3) == items[1:]


def test_what_is_removed_is_not_taken() -> None:
    queue = Queue()
    first, second = waiting(), waiting()
    queue.push(first)
    queue.push(second)
    queue.remove(first)
    queue.remove(first)
    assert queue.take(10) == [second]
    assert queue.num_bytes == 0


def test_what_lost_its_turn_goes_first() -> None:
    queue = Queue()
    first, second = waiting("a"), waiting("b")
    queue.push(second)
    queue.push_front(first)
    assert queue.oldest() is first


def test_a_request_kept_alone_shares_no_run() -> None:
    queue = Queue()
    lonely, other = waiting(), waiting()
    lonely.keep_alone()
    queue.push(lonely)
    queue.push(other)
    assert queue.take(10) == [lonely]


def test_late_requests_are_taken_out_in_order_of_deadline() -> None:
    queue = Queue()
    later, sooner, never = waiting(deadline_ns=20), waiting(deadline_ns=10), waiting()
    for item in (later, sooner, never):
        queue.push(item)
    assert queue.next_deadline() == 10
    assert queue.take_late(20) == [sooner, later]
    assert queue.next_deadline() is None
    assert list(queue) == [never]


def deadline(item: Waiting) -> int:
    assert item.request.context.deadline_ns is not None
    return item.request.context.deadline_ns


@given(st.lists(st.tuples(st.sampled_from(["push", "front", "take", "remove", "late"]), st.integers(0, 5))))
def test_rows_bytes_and_order_hold_whatever_happens(steps: list[tuple[str, int]]) -> None:
    queue = Queue()
    model: list[Waiting] = []  # the slow, obvious version
    for step, number in steps:
        if step in ("push", "front"):
            item = waiting(number % 3, 1 + number % 2, deadline_ns=number)
            (queue.push if step == "push" else queue.push_front)(item)
            model.insert(0 if step == "front" else len(model), item)
        elif step == "take" and model:
            rows = 0
            expected: list[Waiting] = []
            for item in [item for item in model if item.key == model[0].key]:
                if expected and rows + item.rows > number:
                    break
                rows += item.rows
                expected.append(item)
            assert queue.take(number) == expected
            model = [item for item in model if item not in expected]
        elif step == "remove" and model:
            queue.remove(model.pop(number % len(model)))
        elif step == "late":
            late = queue.take_late(number)
            assert set(late) == {item for item in model if deadline(item) <= number}
            model = [item for item in model if item not in late]
        assert list(queue) == model
        assert len(queue) == len(model)
        assert queue.num_bytes == sum(item.num_bytes for item in model)
        if model:
            assert queue.rows_beside(model[0]) == sum(item.rows for item in model if item.key == model[0].key)
    assert queue.clear() == model
