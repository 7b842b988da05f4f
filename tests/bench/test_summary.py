"""Samples become figures."""

import pytest

from headrace.bench.load import Closed, Objective, Open
from headrace.bench.phases import ServerPhases
from headrace.bench.report import Step
from headrace.bench.samples import Batch, Sample
from headrace.bench.summary import doubt, find_knee, spread, summarise
from tests.bench.fakes import sample, stream


def _step(
    samples: list[Sample],
    objective: Objective | None = None,
    *,
    given_up: int = 0,
    server: ServerPhases | None = None,
) -> Step:
    return summarise(
        samples,
        Open(100.0),
        objective or Objective(),
        started_ns=0,
        duration_s=1.0,
        given_up=given_up,
        server=server,
    )


def test_every_request_is_counted_once_by_what_became_of_it() -> None:
    step = _step(
        [
            sample(10),
            sample(60),
            sample(5, verdict="shed", said="429"),
            sample(5, verdict="shed", said="429"),
            sample(1, verdict="error", said="400"),
            sample(1, verdict="lost", said="connection refused"),
            sample(900, verdict="timeout", said="no answer"),
        ],
        Objective(50.0),
        given_up=2,
    )
    counts = step.outcomes
    assert (counts.in_time, counts.late, counts.shed) == (1, 1, 2)
    assert (counts.errors, counts.timeouts, counts.given_up) == (2, 1, 2)
    assert step.sent == 9
    assert step.attainment == pytest.approx(1 / 9, abs=1e-4)
    assert step.shed == pytest.approx(2 / 9, abs=1e-4)
    assert (step.said["429"].count, step.said["429"].first) == (2, "its words")


def test_percentiles_are_of_answers_and_refusals_have_their_own() -> None:
    step = _step([sample(value) for value in range(1, 101)] + [sample(1000, verdict="shed")])
    assert (step.p50_ms, step.max_ms) == (50.5, 100.0)
    assert step.p99_ms == pytest.approx(99.01)
    assert step.p99_9_ms == pytest.approx(99.901)
    assert step.refusal_ms.p50 == 1000.0
    assert step.cdf_ms[0] == 1.0
    assert step.cdf_ms[-1] == 100.0


def test_throughput_counts_what_came_while_the_load_lasted() -> None:
    step = _step([sample(100, at_ms=0), sample(100, at_ms=950)])
    assert (step.offered, step.throughput, step.goodput) == (2.0, 1.0, 2.0)


def test_without_answers_there_are_no_percentiles() -> None:
    step = _step([sample(1, verdict="shed")])
    assert (step.p50_ms, step.mean_ms, step.cdf_ms) == (None, None, [])
    assert _step([]).sent == 0


def test_streams_are_judged_by_first_token_and_pace() -> None:
    objective = Objective(ttft_ms=100.0, tpot_ms=15.0)
    step = _step(
        [
            sample(130, stream=stream(90, [10, 20])),
            sample(200, stream=stream(120, [10, 10])),
            sample(200, stream=stream(90, [10, 60])),
            sample(95, stream=stream(90, [])),
        ],
        objective,
    )
    assert step.outcomes.in_time == 2
    assert step.streams
    assert step.streams.max_itl_ms.max == 60.0
    assert step.streams.itl_ms.count == 6
    assert step.streams.ttft_ms.max == 120.0
    assert step.streams.mean_prompt_tokens == 10.0


def test_batches_are_as_answers_tell_them_else_as_statistics_do() -> None:
    told = _step([sample(1, batch=Batch(4, "full", 1.0, 2.0, "int8")), sample(1, batch=Batch(2, "idle", 3.0, 2.0))])
    assert told.batches
    assert (told.batches.sizes, told.batches.reasons) == ({2: 1, 4: 1}, {"full": 1, "idle": 1})
    assert (told.batches.variants, told.batches.told_by) == ({"int8": 1}, "answers")
    assert told.batches.queue_ms
    assert told.batches.queue_ms.mean == 2.0
    server = ServerPhases(10, 0, 1, 1, 1, 1, 1, 10, 5, {2: 5}, {"full": 5})
    counted = _step([sample(1)], server=server)
    assert counted.batches
    assert (counted.batches.told_by, counted.batches.sizes) == ("statistics", {2: 5})


def test_the_longest_tenth_and_the_tokens_are_counted_apart() -> None:
    lengths = [sample(10)._replace(length=length) for length in range(1, 20)]
    told = _step([*lengths, sample(99)._replace(length=20)], Objective(50.0))
    assert told.goodput_tokens == sum(range(1, 20))
    assert told.long_attainment == 0.5
    assert _step([sample(10)]).long_attainment is None


def test_the_timeline_has_each_request_where_it_was_due() -> None:
    step = _step([sample(5, at_ms=50), sample(500, at_ms=950), sample(1, at_ms=960, verdict="shed")])
    assert len(step.timeline) == 10
    assert (step.timeline[0].answered, step.timeline[0].p50_ms) == (1, 5.0)
    assert (step.timeline[9].sent, step.timeline[9].answered, step.timeline[9].shed) == (2, 1, 1)
    assert sum(each.sent for each in step.timeline) == 3


def test_a_client_that_was_late_or_busy_says_so() -> None:
    assert doubt(0.3, 1.0, 0.5) == ""
    assert doubt(None, None, 0.0) == ""
    assert "sent late (p99 4.0 ms)" in doubt(4.0, 10.0, 0.1)
    assert doubt(4.0, 100.0, 0.1) == ""
    assert "7 requests waited for a connection" in doubt(0.1, 1.0, 0.1, 7)
    assert "95% of a core" in doubt(0.1, 1.0, 0.95)


def test_the_knee_is_where_throughput_over_latency_is_highest() -> None:
    steps = [
        summarise([sample(latency)] * count, Closed(clients), Objective(), started_ns=0, duration_s=1.0)
        for clients, count, latency in ((1, 100, 10.0), (4, 350, 12.0), (16, 400, 40.0))
    ]
    assert find_knee(steps) == "4 clients"
    assert find_knee(steps[:2]) is None


def test_a_spread_of_nothing_has_no_figures() -> None:
    assert spread([float("nan")]).p50 is None
    assert spread([]).count == 0
