"""Whether a queue has room for one more, whoever asks and however urgent it is. Pure."""

from headrace.batching.job import J
from headrace.batching.policy import Limits, Refusal
from headrace.batching.queue import Queue

KEPT_PLACES, KEPT_SHARE = 16, 8
"""Of a queue, so many places but no more than one in so many: who floods it shuts nobody else out."""


def queue_refusal(queue: Queue[J], job: J, limits: Limits, retry_after_ns: float) -> Refusal | None:
    """Why a queue has no room for a newcomer. The last few places are for tenants that have less than a share of it."""
    left = limits.max_queue - queue.num_jobs - job.requests
    if left < KEPT_PLACES and (
        left < 0 or (left < limits.max_queue // KEPT_SHARE and queue.work.has_share(job.tenant))
    ):
        return Refusal("queue", retry_after_ns)
    if queue.num_bytes + job.num_bytes > limits.max_queue_bytes and queue.num_jobs:
        return Refusal("memory", retry_after_ns)
    return None
