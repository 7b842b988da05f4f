"""Who finds room in a queue."""

import pytest

from headrace.batching.job import Job
from headrace.batching.policy import Limits
from headrace.batching.queue import Queue
from headrace.batching.queue_room import queue_refusal
from tests.batching.jobs import job


@pytest.mark.parametrize(
    ("waiting", "length", "reason"),
    [(1, 1, None), (2, 1, "queue"), (1, 100, "memory"), (0, 1000, None)],  # one that is alone may be as large as it is
)
def test_a_queue_has_room_for_so_many_requests_and_bytes(waiting: int, length: int, reason: str | None) -> None:
    queue: Queue[Job] = Queue()
    for _ in range(waiting):
        queue.push(job(1), 0)
    refusal = queue_refusal(queue, job(length), Limits(4, 0, 2, 800), 5.0)
    assert (refusal.reason if refusal else None) == reason
    assert refusal is None or refusal.retry_after_ns == 5.0


@pytest.mark.parametrize(
    ("waiting", "tenant", "has_room"),
    [
        ({"flood": 28}, "flood", False),  # an eighth of 32 is kept
        ({"flood": 27}, "flood", True),
        ({"flood": 31}, "quiet", True),
        ({"flood": 31, "quiet": 1}, "quiet", False),
        ({"flood": 15, "other": 15}, "other", False),
        ({"flood": 15, "other": 14, "quiet": 1}, "quiet", True),
        ({}, "flood", True),
    ],
)
def test_the_last_places_are_for_tenants_with_less_than_a_share(
    waiting: dict[str, int], tenant: str, has_room: bool
) -> None:
    queue: Queue[Job] = Queue()
    for whose, count in waiting.items():
        for _ in range(count):
            each = job(1)
            each.tenant = whose
            queue.push(each, 0)
    newcomer = job(1)
    newcomer.tenant = tenant
    assert (queue_refusal(queue, newcomer, Limits(4, 0, 32, 1 << 20), 0.0) is None) == has_room
