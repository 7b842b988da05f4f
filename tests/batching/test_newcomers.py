"""Who is let in: whoever is predicted to be in time, and makes nobody late."""

import pytest

from headrace.batching.job import Job
from headrace.batching.latency import Latency
from headrace.batching.standing import ENOUGH
from tests.batching.deciding import latency, policy, run
from tests.batching.jobs import MS, job


def test_nothing_is_refused_by_prediction_before_anything_is_known() -> None:
    assert policy(known=Latency()).admit(job(within_ms=0.1), 0) is None


def test_a_request_that_cannot_be_in_time_even_alone_is_refused_with_the_figures() -> None:
    refusal = policy().admit(job(within_ms=2), 0)
    assert refusal
    assert refusal.reason == "predicted"
    assert refusal.deadline_ns == 2 * MS
    assert refusal.predicted_ns
    assert refusal.predicted_ns > 2.9 * MS
    assert refusal.retry_after_ns is None  # asking again is of no use


def test_a_request_that_others_make_late_is_told_when_to_ask_again() -> None:
    made = policy()
    while (refusal := made.admit(newcomer := job(within_ms=20), 0)) is None:
        made.push(newcomer, 0)
    assert refusal.retry_after_ns
    alone = made.admit(job(within_ms=2), 0)
    assert alone
    assert alone.retry_after_ns is None


def test_what_few_runs_have_shown_makes_no_request_one_that_is_asked_again_in_vain() -> None:
    known = Latency()
    known.learn(1, 1, 3 * MS)
    refusal = policy(known=known).admit(job(within_ms=2), 0)
    assert refusal
    assert refusal.retry_after_ns == 200 * MS  # when less is believed of them


def test_while_nothing_waits_or_runs_all_are_let_in_that_may_well_be_in_time() -> None:
    made = policy()
    typical, late = made.latency.typical(1, 80), made.latency.late(1, 80)
    between = job(80, within_ms=(1.2 * typical + late) / 2.2 / MS)
    assert late > 1.2 * typical
    assert made.admit(between, 0) is None
    made.push(job(80), 0)
    assert made.admit(between, 0) is not None


def test_a_request_is_refused_once_what_waits_takes_its_time() -> None:
    made = policy()
    admitted = 0
    while (refusal := made.admit(arrival := job(within_ms=50), 0)) is None:
        made.push(arrival, 0)
        admitted += 1
    assert 8 < admitted < 50
    assert refusal.reason == "predicted"


def test_a_short_deadline_does_not_push_those_aside_that_were_let_in() -> None:
    made = policy()
    while made.admit(arrival := job(within_ms=100), 0) is None:
        made.push(arrival, 0)
    hurried = 0
    while made.admit(arrival := job(within_ms=80), 0) is None:  # alone there would be room for as many again
        made.push(arrival, 0)
        hurried += 1
    assert hurried < 20 < len(made.queue)


def test_a_long_one_needs_less_time_to_spare_where_hardly_any_is_let_in() -> None:
    def least_ms(long_within_ms: float) -> int:
        """The shortest deadline that a long request is let in with behind one that waits, where one in ten is long."""
        made = policy(job(within_ms=500))
        for _ in range(400):
            for _ in range(9):
                assert made.admit(job(within_ms=400), 0) is None
            made.admit(job(length=80, within_ms=long_within_ms), 0)
        return next(within for within in range(5, 500) if made.admit(job(length=80, within_ms=within), 0) is None)

    assert least_ms(5) < least_ms(400)


def test_a_tenant_of_which_hardly_a_long_one_is_let_in_changes_nothing_for_another() -> None:
    def least_ms(flooding: str) -> int:
        """The shortest deadline that a short request of "quiet" is let in with, where `flooding` asks for too much."""
        made = policy(job(within_ms=500, tenant="quiet"))
        for name in ("quiet", "loud"):
            for _ in range(ENOUGH):
                made.standings.answered(name)
        for _ in range(400):
            for _ in range(9):
                made.admit(job(within_ms=400, tenant=flooding), 0)
            made.admit(job(length=80, within_ms=5, tenant=flooding), 0)
        return next(ms for ms in range(5, 500) if made.admit(job(within_ms=ms, tenant="quiet"), 0) is None)

    assert least_ms("loud") < least_ms("quiet")


def test_what_falls_short_for_other_tenants_sake_is_believed_and_more_while_they_wait() -> None:
    def least_ms(waiting: str) -> int:
        made = policy(job(within_ms=500, tenant="loud"), job(within_ms=500, tenant=waiting))
        for _ in range(ENOUGH):
            made.standings.answered("loud").trust.answered(80.0, 100.0, 120.0)
        return next(ms for ms in range(5, 500) if made.admit(job(within_ms=ms, tenant="loud"), 0) is None)

    assert least_ms("loud") < least_ms("quiet")


def test_where_all_are_alike_nothing_is_kept_free_for_what_may_come_between() -> None:
    def let_in(before: Job) -> int:
        made = policy()
        for _ in range(100):
            made.admit(before, 0)
        waiting = [job(80, within_ms=120) for _ in range(100)]
        for number, each in enumerate(waiting):
            if made.admit(each, 0):
                return number
            made.push(each, 0)
        return len(waiting)

    assert let_in(job(80, within_ms=120)) > let_in(job(10, within_ms=120))


def test_a_size_that_was_held_up_when_it_was_tried_is_tried_again_by_a_request_that_nobody_waits_behind() -> None:
    known = latency()
    known.learn(1, 300, 5000 * MS)
    made = policy(known=known)
    assert made.admit(job(300, now_ms=1, within_ms=100), MS)
    for now_ms in (10_001, 20_001):
        each = job(300, now_ms=now_ms, within_ms=100)
        assert made.admit(each, now_ms * MS) is None
        made.push(each, now_ms * MS)
        assert not made.give_up(now_ms * MS)
        taken = run(made, now_ms)
        made.began(taken, now_ms * MS)
        made.ended(taken, (now_ms + 30) * MS)
        made.answered(taken, now_ms * MS, (now_ms + 30) * MS, (now_ms + 30) * MS)
    assert known.typical(1, 300) < 100 * MS


def test_what_few_runs_say_is_mostly_right_and_seldom_tried_again() -> None:
    known = latency()
    known.learn(1, 300, 5000 * MS)
    made = policy(known=known)
    let_in = [made.admit(job(300, now_ms=at, within_ms=100), at * MS) is None for at in range(1, 30_000, 500)]
    assert sum(let_in) == 2


def test_a_size_that_is_known_to_take_too_long_is_refused_however_idle_it_is() -> None:
    known = latency()
    for _ in range(3):
        known.learn(1, 300, 5000 * MS)
    assert policy(known=known).admit(job(300, within_ms=100), 0)


def test_what_was_late_again_and_again_is_not_refused_for_ever_by_an_idle_machine() -> None:
    made = policy()
    guard = made.standings.of("").guard
    for _ in range(100):
        guard.answered(late=True)
    within_ms = made.latency.typical(1, 0) / 0.9 / MS
    let_in = [made.admit(job(now_ms=at, within_ms=within_ms), at * MS) is None for at in range(0, 300_000, 1000)]
    assert let_in.index(True) == pytest.approx(200, abs=20)
    assert all(let_in[let_in.index(True) :])
