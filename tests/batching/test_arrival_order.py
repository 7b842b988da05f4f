"""The queue that baselines share."""

from headrace.batching.arrival_order import ArrivalOrder
from headrace.batching.job import Job
from headrace.batching.policy import Limits
from tests.batching.jobs import MS, job

LIMITS = Limits(max_size=4, max_delay_ns=0, max_queue=2, max_queue_bytes=1 << 20)


def test_a_full_queue_refuses() -> None:
    policy: ArrivalOrder[Job] = ArrivalOrder(LIMITS)
    for _ in range(2):
        waiting = job()
        assert policy.admit(waiting, 0) is None
        policy.push(waiting, 0)
    refusal = policy.admit(job(), 0)
    assert refusal
    assert refusal.reason == "queue"


def test_what_has_missed_its_deadline_is_dropped_and_nothing_else() -> None:
    policy: ArrivalOrder[Job] = ArrivalOrder(LIMITS)
    late, patient = job(within_ms=5), job(within_ms=50)
    for each in (late, patient):
        policy.push(each, 0)
    assert [each.job for each in policy.give_up(10 * MS)] == [late]
    assert list(policy.queue) == [patient]
