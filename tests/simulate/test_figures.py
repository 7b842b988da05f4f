"""Outcomes as figures."""

import pytest

from headrace.simulate.figures import Runs, measure
from headrace.simulate.outcomes import ANSWERED, GIVEN_UP, LEFT_RUNNING, REFUSED, Outcomes

MS = 1_000_000
RUNS = Runs(count=4, rows=8, rows_left=1, busy_s=1.0, reasons={"idle": 4})


def outcomes() -> Outcomes:
    made = Outcomes()
    for at_ms, verdict, took_ms, length in (
        (0, ANSWERED, 10, 8),
        (100, ANSWERED, 60, 100),
        (200, REFUSED, 1, 8),
        (300, GIVEN_UP, 40, 8),
        (400, LEFT_RUNNING, 30, 8),
        (1990, ANSWERED, 20, 8),
    ):
        made.over(made.sent(at_ms * MS, 1, length, ""), verdict, (at_ms + took_ms) * MS)
    return made


def test_answers_in_time_are_counted_of_all_that_was_sent() -> None:
    figures = measure(outcomes(), RUNS, 2.0, 1, 50 * MS)
    assert figures.sent == 6
    assert figures.throughput == 1.0  # the last answer came after the load had ended
    assert figures.goodput == 1.0
    assert figures.attainment == pytest.approx(2 / 6, abs=1e-4)
    assert (figures.shed, figures.refused, figures.left) == pytest.approx((2 / 6, 1 / 6, 1 / 6), abs=1e-4)
    assert figures.late_share == pytest.approx(1 / 3, abs=1e-4)
    assert figures.p50_ms == 20.0
    assert figures.long_attainment == 0.0
    assert (figures.rows_per_run, figures.utilisation, figures.runs_for_leavers) == (2.0, 0.5, 1.0)


def test_what_came_before_is_left_out() -> None:
    assert measure(outcomes(), RUNS, 2.0, 1, 50 * MS, skip_s=1.0).sent == 1


def test_where_nobody_is_answered_there_is_no_latency() -> None:
    made = Outcomes()
    made.over(made.sent(0, 1, 0, ""), REFUSED, 1)
    figures = measure(made, RUNS, 1.0, 1, MS)
    assert (figures.p99_ms, figures.cdf_ms, figures.attainment) == (None, [], 0.0)
