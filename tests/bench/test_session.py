"""A whole measurement, on a clock that the test moves."""

import asyncio
from collections.abc import Callable

from headrace.arrivals import Arrival
from headrace.bench.load import Closed, Objective, Open, Plan
from headrace.bench.phases import Reading
from headrace.bench.report import Step
from headrace.bench.samples import Answer
from headrace.bench.session import Session, sent
from tests.bench.fakes import FakeSource, FakeWire, sample
from tests.fakes import FakeClock


class Watched:
    def __init__(self) -> None:
        self.begun: list[tuple[str, float]] = []
        self.ticks = 0
        self.steps: list[Step] = []

    def begin(self, label: str, duration_s: float) -> None:
        self.begun.append((label, duration_s))

    def progress(self, elapsed_s: float, answered: int, in_flight: int) -> None:
        self.ticks += 1

    def measured(self, step: Step) -> None:
        self.steps.append(step)


class Bench:
    """A session against a server of so many places, each of which takes so long."""

    def __init__(self, plan: Plan, service_ms: float = 10.0, servers: int = 1000) -> None:
        self.clock = FakeClock()
        self.wire = FakeWire(self.clock, service_ms, servers=servers)
        self.source = FakeSource()
        self.watched = Watched()
        self.readings = 0
        self.session = Session(
            plan,
            self.wire,
            self.source,
            self.clock,
            self.watched,
            reading=self._read,
            cpu_s=lambda: self.clock.now_ns() / 4e9,
        )

    async def run(self, at_s: Callable[[float], None] = lambda second: None) -> None:
        task = asyncio.ensure_future(self.session.run())
        second = 0.0
        while not task.done():
            await asyncio.sleep(0)
            at_s(second)
            self.clock.pass_ms(100)
            second += 0.1
        await task

    async def _read(self) -> Reading:
        self.readings += 1
        return Reading(success=(self.readings * 10, self.readings * 10_000_000))


async def test_every_load_is_a_step_and_the_warm_up_is_none() -> None:
    bench = Bench(Plan((Open(100.0), Closed(4)), duration_s=2.0, warmup_s=0.5))
    await bench.run()
    assert [each.label for each in bench.session.steps] == ["100/s", "4 clients"]
    assert [label for label, _ in bench.watched.begun] == ["warming up", "100/s", "4 clients"]
    assert bench.watched.steps == bench.session.steps
    assert bench.watched.ticks > 20
    closed = bench.session.steps[1]
    assert (closed.throughput, closed.p50_ms, closed.client_cpu) == (400.0, 10.0, 0.25)


async def test_overload_is_late_from_when_requests_were_due() -> None:
    bench = Bench(Plan((Open(200.0),), Objective(50.0), duration_s=2.0, warmup_s=0.0), servers=1)
    await bench.run()
    (step,) = bench.session.steps
    assert 99 <= step.throughput <= 101
    assert step.goodput < 40
    assert step.max_ms
    assert step.max_ms > 1500


async def test_the_search_finds_what_a_server_can_hold() -> None:
    plan = Plan((Open(20.0),), Objective(100.0), duration_s=20.0, warmup_s=0.0, find_max=True)
    bench = Bench(plan, service_ms=10.0, servers=1)
    await bench.run()
    found = bench.session.found
    assert found
    assert found.rate
    assert found.fails_at
    assert 60 <= found.rate <= 95  # one server of 10 ms: of M/D/1 some 80/s keep p99 within 100 ms
    assert found.fails_at <= found.rate * 1.05 * 1.001


async def test_the_search_begins_below_saturation_where_no_rate_is_given() -> None:
    plan = Plan((), Objective(100.0), duration_s=5.0, warmup_s=0.0, find_max=True)
    bench = Bench(plan, service_ms=10.0, servers=2)
    await bench.run()
    assert [each.label for each in bench.session.steps[:2]] == ["16 clients", "160/s"]


async def test_a_server_that_goes_away_leaves_what_was_measured() -> None:
    bench = Bench(Plan((Open(100.0), Open(200.0), Open(300.0)), duration_s=2.0, warmup_s=0.0))

    def go_away(second: float) -> None:
        if second > 3.0:
            bench.wire.answer = lambda request: Answer("lost", "connection refused")

    await bench.run(go_away)
    first, second = bench.session.steps
    assert first.ended == ""
    assert second.ended.startswith("the server was gone after")
    assert bench.session.ended == second.ended
    assert second.outcomes.in_time > 50


async def test_what_is_interrupted_is_kept_too() -> None:
    bench = Bench(Plan((Open(100.0), Open(200.0)), duration_s=60.0, warmup_s=0.0))
    task = asyncio.ensure_future(bench.session.run())
    for _ in range(20):
        await asyncio.sleep(0)
        bench.clock.pass_ms(100)
    task.cancel()
    await task
    (step,) = bench.session.steps
    assert (step.ended, bench.session.ended) == ("interrupted", "interrupted")
    assert 1.9 <= step.duration_s <= 2.1
    assert 80 <= step.offered <= 120


async def test_a_trace_is_replayed_as_it_was_with_its_sizes() -> None:
    trace = (Arrival(0.1, 1, 5, "a"), Arrival(0.2, 2, 6, "b"), Arrival(1.4, 3, 7, "a"))
    bench = Bench(Plan((Open(3 / 1.4),), trace=trace, duration_s=10.0, warmup_s=0.0))
    await bench.run()
    assert [(each.rows, each.length, each.tenant) for each in bench.wire.sent] == [
        (1, 5, "a"),
        (2, 6, "b"),
        (3, 7, "a"),
    ]
    (step,) = bench.session.steps
    assert 1.3 < step.duration_s < 1.5
    assert [round(each.offset_s, 3) for each in bench.session.last_arrivals] == [0.1, 0.2, 1.4]
    assert bench.source.prepared[0].rows == 1


async def test_a_trace_of_one_request_is_offered_as_one_a_second() -> None:
    bench = Bench(Plan((Open(1.0),), trace=(Arrival(0.0),), duration_s=1.0, warmup_s=0.0))
    await bench.run()
    (step,) = bench.session.steps
    assert (step.duration_s, step.offered) == (1.0, 1.0)


async def test_the_server_s_own_counts_stand_beside_the_client_s() -> None:
    bench = Bench(Plan((Closed(1),), duration_s=1.0, warmup_s=0.0, server_stats=True))
    await bench.run()
    (step,) = bench.session.steps
    assert step.server
    assert (step.server.requests, step.server.mean_ms) == (10, 1.0)


def test_a_run_is_a_trace_in_the_order_in_which_requests_were_due() -> None:
    assert [each.offset_s for each in sent([sample(9, at_ms=30), sample(1, at_ms=10)], 0)] == [0.01, 0.03]
