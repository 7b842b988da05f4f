"""What is seen of a rollout is the old version's and the new one's, and told so."""

import msgspec

from headrace.traffic.difference import NONE, Difference
from headrace.traffic.mirror import Answered
from headrace.traffic.plans import DifferenceGate, Gates, Rollout
from headrace.traffic.progress import GoTo, Stay
from headrace.traffic.run import Run
from headrace.traffic.shadow import Times

ROLLOUT = Rollout(3, 4, (0.5, 1.0), step_s=10.0, min_requests=2, gates=Gates(compare=0.25))
SECOND = 1_000_000_000


def test_each_version_is_mirrored_to_the_other_and_a_third_to_none() -> None:
    run = Run(ROLLOUT, 0)
    assert [run.other(version) for version in (3, 4, 5)] == [(4, 0.25), (3, 0.25), None]
    run.leaving = True
    assert run.other(3) is None


def test_answers_count_for_the_version_that_gave_them() -> None:
    run = Run(ROLLOUT, 0)
    run.routed(3, 5, 4, False)
    run.routed(4, 5, 0, True)
    run.routed(5, 5, 0, True)
    run.mirrored(Answered(3, failed=True))
    run.mirrored(Answered(4, failed=False, difference=Difference(0.5, 1.0, beyond=True)))
    run.mirrored(None)
    report = run.report(2 * SECOND)
    assert (report.base.requests, report.base.failed) == (2, 1)
    assert (report.to.requests, report.to.failed) == (2, 1)
    assert (report.compared, report.beyond, report.max_absolute_difference, report.dropped) == (1, 1, 0.5, 1)
    assert (report.step, report.share, report.step_s) == (1, 0.5, 2.0)


def test_a_step_begins_anew_and_the_report_says_what_is_waited_for() -> None:
    run = Run(ROLLOUT, 0)
    for _ in range(2):
        run.routed(4, 5, 4, False)
    assert isinstance(run.next_move(9 * SECOND), Stay)
    assert run.report(9 * SECOND).reason == "waits for time: 9 of 10 s"
    assert run.next_move(10 * SECOND) == GoTo(1)
    run.follow(msgspec.structs.replace(ROLLOUT, step=1), 10 * SECOND)
    report = run.report(11 * SECOND)
    assert (report.step, report.share, report.step_s, report.to.requests) == (2, 1.0, 1.0, 0)


def test_the_gate_says_what_is_a_difference() -> None:
    gates = Gates(difference=DifferenceGate(0.5, 0.1), compare=1.0)
    assert Run(msgspec.structs.replace(ROLLOUT, gates=gates), 0).tolerance == 0.5


def test_how_long_answers_and_runs_took_is_told_of_whoever_took_it() -> None:
    run = Run(ROLLOUT, 0)
    for _ in range(20):
        run.mirrored(Answered(4, False, 9, 8_000_000, 9, NONE))
        run.mirrored(Answered(3, False, 9, 4_000_000, 9, NONE))
        run.mirrored(Answered(3, False, 9, 0, 9, NONE))
        run.routed(3, 7_000_000, 5_000_000, False)
        run.routed(4, 9_000_000, 6_000_000, False)
    base, to = run.report(0).base, run.report(0).to
    assert (base.routed_ms, base.runs_ms, base.mirrored_runs_ms) == (Times(7.0, 7.0), Times(5.0, 5.0), Times(4.0, 4.0))
    assert (to.routed_ms, to.runs_ms, to.mirrored_runs_ms) == (Times(9.0, 9.0), Times(6.0, 6.0), Times(8.0, 8.0))


def test_how_long_is_too_long_is_known_by_the_old_version_and_in_later_steps_too() -> None:
    run = Run(ROLLOUT, 0)
    for version in (3, 4):
        for _ in range(20):
            run.routed(version, version * SECOND, 0, False)
    assert run.patience_ns is None
    run.next_move(SECOND)
    assert run.patience_ns == 30 * SECOND
    run.follow(msgspec.structs.replace(ROLLOUT, step=1), 10 * SECOND)
    run.next_move(11 * SECOND)
    assert run.patience_ns == 30 * SECOND
