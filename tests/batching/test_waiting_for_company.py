"""When an idle instance waits for company, and for how long."""

import pytest

from headrace.batching.company import Company
from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.job import Job
from headrace.batching.latency import Latency
from headrace.batching.policy import Limits, Run, Wait
from tests.batching.deciding import latency, policy, run
from tests.batching.jobs import MS, job


def test_in_a_quiet_machine_nobody_waits_for_company() -> None:
    assert run(policy(job(within_ms=100))).reason == "idle"


def test_a_pause_is_made_where_the_run_that_it_saves_takes_longer() -> None:
    known = Latency()
    for rows in (1, 2, 4, 8, 16):
        for _ in range(5):
            known.learn(rows, 0, 20 * MS)  # company costs nothing
    made = policy(known=known)
    for now_ms in range(200):  # 1,000 a second, for a machine that does 50 runs
        made.admit(job(now_ms=now_ms, within_ms=400), now_ms * MS)
    made.push(job(now_ms=200, within_ms=400), 200 * MS)
    assert isinstance(decision := made.next(200 * MS, 0), Wait)
    assert decision.until_ns is not None
    assert 200 * MS < decision.until_ns < 203 * MS
    assert isinstance(made.next(221 * MS, 0), Run)


def test_a_lone_request_of_a_slow_model_does_not_wait_for_the_company_that_it_would_be_itself() -> None:
    known = Latency()
    for rows in (1, 2, 4, 8, 16):
        for _ in range(5):
            known.learn(rows, 0, 2_000 * MS)
    made = policy(job(), known=known, max_size=2)
    assert run(made).reason == "idle"


def test_nobody_waits_for_what_a_size_that_never_ran_is_guessed_to_save() -> None:
    known = Latency()
    for rows in (1, 2, 4, 8, 16):
        for length in (1, 10, 20, 40, 80):
            known.learn(rows, length, length * MS)  # company costs nothing
    made = policy(known=known)
    for now_ms in range(200):
        made.admit(job(80, now_ms=now_ms), now_ms * MS)
    made.push(job(1_000_000, now_ms=200), 200 * MS)
    assert known.typical(1, 1_000_000) > 1_000 * MS
    assert isinstance(made.next(200 * MS, 0), Run)


@pytest.mark.parametrize(("within_ms", "reason"), [(None, "idle"), (30, "deadline")])
def test_who_waits_as_long_as_the_settings_say_keeps_as_much_to_spare_as_who_is_let_in(
    within_ms: float | None, reason: str
) -> None:
    made: DeadlinePolicy[Job] = DeadlinePolicy(Limits(16, 50 * MS, 1000, 1 << 20), latency(), Company())
    waiting = job(within_ms=within_ms)
    made.admit(waiting, 0)
    made.push(waiting, 0)
    now_ns = 0
    while isinstance(decision := made.next(now_ns, 0), Wait):
        now_ns = decision.until_ns or 0
    assert isinstance(decision, Run)
    assert decision.reason == reason
    spare_ns = (30 * MS - now_ns) - 2 * latency().typical(1, 0)
    assert (now_ns >= 50 * MS) if within_ms is None else (spare_ns >= 0.04 * 30 * MS)


def test_no_pause_is_so_short_that_it_would_be_made_again_and_again() -> None:
    made: DeadlinePolicy[Job] = DeadlinePolicy(Limits(16, 50 * MS, 1000, 1 << 20), latency(), Company())
    made.push(job(within_ms=30), 0)
    pauses, now_ns = 0, 0
    while isinstance(decision := made.next(now_ns, 0), Wait):
        assert decision.until_ns
        assert decision.until_ns > now_ns
        now_ns, pauses = decision.until_ns, pauses + 1
    assert pauses < 20
    assert now_ns < 30 * MS
