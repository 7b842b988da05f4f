"""Who is let in, what runs next, and what is given up, by predicted times."""

import pytest

from headrace.batching.company import Company
from headrace.batching.deadline_policy import STARVED_NS, DeadlinePolicy
from headrace.batching.job import Job
from headrace.batching.policy import Limits, Run, Wait
from tests.batching.deciding import latency, policy, ran_together, run
from tests.batching.jobs import MS, job


def on_two_instances() -> DeadlinePolicy[Job]:
    return DeadlinePolicy(Limits(16, 0, 1000, 1 << 20), latency(), Company(), instances=2)


def test_without_deadlines_everybody_waits_and_an_idle_instance_takes_all() -> None:
    first, second = job(), job()
    assert (run(policy(first, second)).jobs, run(policy(first)).reason) == ([first, second], "idle")


def test_the_most_urgent_is_in_the_run_and_a_higher_priority_before_it() -> None:
    later, sooner, important = job(within_ms=90), job(within_ms=50), job(within_ms=99, level=1)
    made = policy(later, sooner, important, max_size=1)
    assert [run(made).jobs[0] for _ in range(3)] == [important, sooner, later]


def test_of_several_shapes_the_one_with_least_time_left_goes_first() -> None:
    quick, slow = job(within_ms=30, key="a"), job(80, within_ms=31, key="b")
    assert run(policy(quick, slow)).jobs == [slow]


def test_nobody_waits_for_ever_behind_what_is_more_important() -> None:
    old = job(level=9)
    made = policy(old, job(now_ms=STARVED_NS / MS, level=1), max_size=1)
    assert run(made, STARVED_NS / MS + 1).jobs == [old]


def test_a_run_is_as_large_as_the_deadline_of_the_most_urgent_allows() -> None:
    made = policy(*[job() for _ in range(15)])
    made.queue.push(urgent := job(within_ms=12), urgent.due_ns)
    decision = run(made)
    assert decision.jobs[0] is urgent
    assert 1 < decision.rows < 11
    assert decision.reason == "deadline"


def test_what_cannot_be_in_time_any_more_costs_no_run() -> None:
    made = policy(late := job(within_ms=40), job(within_ms=400))
    (given_up,) = made.give_up(38 * MS)
    assert (given_up.job, given_up.reason) == (late, "late")
    assert given_up.predicted_ns > 40 * MS


def test_a_busy_instance_is_handed_a_second_batch_only_where_it_is_full() -> None:
    made = policy(*[job() for _ in range(3)], max_size=2)
    assert run(made, running=1).reason == "full"
    assert made.next(0, 1) == Wait(None)


def test_what_waits_behind_a_run_has_so_much_less_time() -> None:
    def rows(behind_ms: float) -> int:
        made = policy(*[job(within_ms=200) for _ in range(40)], max_size=16)
        made.queue.push(urgent := job(within_ms=12), urgent.due_ns)
        under_way: Run[Job] = Run([], "full", 1, 0, typical_ns=behind_ms * MS)
        made.began(under_way, 0)
        decision = made.next(0, 1)
        return decision.rows if isinstance(decision, Run) else 0

    assert rows(0.1) > rows(3.0) > rows(11.0) == 0


def test_a_tenant_that_floods_leaves_the_other_its_turn() -> None:
    made = policy()
    while made.admit(arrival := job(within_ms=80, tenant="flood"), 0) is None:
        made.push(arrival, 0)
    arrival = job(within_ms=80, tenant="quiet")
    assert made.admit(arrival, 0) is None
    made.push(arrival, 0)
    assert arrival in run(made).jobs


def test_what_a_tenant_runs_alone_counts_when_another_comes_back() -> None:
    made = policy(max_size=1)
    served = []
    for tenants in (("a", "b"), ("a",), ("a",), ("a",), ("a", "b"), ("a", "b")):
        for tenant in tenants:
            made.admit(each := job(tenant=tenant), 0)
            made.push(each, 0)
        served.append([run(made).jobs[0].tenant for _ in tenants])
    assert served[-2:] == [["b", "a"], ["b", "a"]]


@pytest.mark.parametrize(("tenant", "level"), [("quiet", 5), ("loud", 4)])
def test_a_run_whose_head_is_not_due_first_leaves_out_what_it_would_make_late(tenant: str, level: int) -> None:
    made, head = policy(), job(within_ms=100, tenant=tenant, level=level)
    late, *in_time = [job(within_ms=within, tenant="loud") for within in (5, 90, 95)]
    for each in (head, late, *in_time):
        made.admit(each, 0)
        made.push(each, 0)
    assert run(made).jobs == [head, *in_time]


def test_a_weight_gives_a_tenant_more_of_the_turns() -> None:
    made = policy(weights={"heavy": 3.0}, max_size=1)
    for _ in range(6):
        for tenant in ("heavy", "light"):
            each = job(tenant=tenant)
            assert made.admit(each, 0) is None
            made.push(each, 0)
    served = [run(made).jobs[0].tenant for _ in range(8)]
    assert served.count("heavy") > served.count("light")


def test_what_runs_take_is_learned_and_followed() -> None:
    made = policy()
    before = made.latency.typical(4, 0)
    for turn in range(60):
        jobs = [job(now_ms=turn * 100) for _ in range(4)]
        for each in jobs:
            made.admit(each, each.queued_ns)
            made.push(each, each.queued_ns)
        decision = run(made, turn * 100)
        made.began(decision, turn * 100 * MS)
        ended_ns = turn * 100 * MS + int(2 * before)
        made.ended(decision, ended_ns)
        made.answered(decision, turn * 100 * MS, ended_ns, ended_ns)
    assert made.latency.typical(4, 0) > 1.5 * before


def test_a_model_that_was_slow_for_a_while_does_not_refuse_for_ever() -> None:
    made, now_ns = policy(), 0
    for _ in range(20):
        made.push(job(now_ms=now_ns / MS), now_ns)
        ran = run(made, now_ns / MS)
        made.began(ran, now_ns)
        now_ns += 60 * MS  # twenty times as long as ever before
        made.ended(ran, now_ns)
        made.answered(ran, now_ns - 60 * MS, now_ns, now_ns)
    admitted = []
    for _ in range(20):
        now_ns += 100 * MS
        admitted.append(made.admit(job(now_ms=now_ns / MS, within_ms=20), now_ns) is None)
    assert not admitted[0]
    assert admitted[-1]


def crowded() -> DeadlinePolicy[Job]:
    """Twice as much waits as 100 ms have room for."""
    made = policy()
    for _ in range(200):
        waiting = job(within_ms=100)
        made.admit(waiting, 0)
        made.push(waiting, 0)
    return made


def test_what_is_foreseen_of_the_least_request_is_what_an_arrival_is_told_and_changes_nothing() -> None:
    made = crowded()
    foreseen = made.foresee(job(within_ms=100), 0)
    assert foreseen
    assert foreseen.reason == "predicted"
    assert made.foresee(job(within_ms=5000), 0) is None
    assert made.foresee(job(), 0) is None
    assert len(made.queue) == 200
    asked = made.demand.rate(0)
    made.foresee(job(within_ms=5000), 0)
    assert made.demand.rate(0) == asked


def test_who_is_refused_unread_counts_as_having_asked() -> None:
    made = crowded()
    before = made.demand.rate(0)
    assert made.foresee(job(within_ms=100), 0)
    assert made.demand.rate(0) > before


def test_runs_of_two_instances_go_side_by_side_and_not_one_behind_the_other() -> None:
    made = on_two_instances()
    under_way: list[Run[Job]] = []
    for now_ms in range(0, 100, 5):
        if len(under_way) == 2:
            made.ended(under_way.pop(0), now_ms * MS)
        made.push(job(80, now_ms=now_ms), now_ms * MS)
        under_way.append(run(made, now_ms))
        made.began(under_way[-1], now_ms * MS)
    assert made.admit(job(now_ms=95, within_ms=20), 95 * MS) is None


def test_a_run_handed_to_an_instance_that_is_busy_begins_behind_what_that_one_runs() -> None:
    made = on_two_instances()
    runs = [Run([job()], "idle", 1, 0, typical_ns=ms * MS) for ms in (10, 30, 50)]
    for each in runs:
        made.began(each, 0)
    assert made.overdue_ns(0) == -10 * MS
    made.ended(runs[0], 10 * MS)
    made.ended(runs[1], 30 * MS)
    assert made.overdue_ns(0) == -60 * MS


def test_a_run_that_stood_still_for_long_does_not_make_those_behind_it_give_up() -> None:
    made = policy()
    ran_together(made, 0, 4)
    ran_together(made, 100, 60_000)
    waiting = job(now_ms=61_000, within_ms=60)
    assert made.admit(waiting, waiting.queued_ns) is None
    made.push(waiting, waiting.queued_ns)
    assert not made.give_up(waiting.queued_ns)


def test_where_rows_are_packed_any_lengths_share_a_run_which_is_known_by_their_mean() -> None:
    made = DeadlinePolicy[Job](Limits(64, 0, 1000, 1 << 20, packed=True), latency(), Company())
    jobs = [job(256), job(4), job(4), job(4)]
    for each in jobs:
        made.push(each, 0)
    decision = made.next(0, 0)
    assert isinstance(decision, Run)
    assert (decision.rows, decision.length, decision.reason) == (4, 67, "idle")
