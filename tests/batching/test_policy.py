"""What every policy has in common."""

import pytest

from headrace.batching.job import Job
from headrace.batching.policy import Limits, queue_refusal
from headrace.batching.queue import Queue
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
