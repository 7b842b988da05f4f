"""The loops that send, on a clock that the test moves."""

import itertools

import pytest

from headrace.arrivals import Arrival
from headrace.bench.drive import Drive
from headrace.bench.samples import Answer
from tests.bench.fakes import MS, FakeSource, FakeWire
from tests.fakes import FakeClock

LOST = Answer("lost", "connection refused")


def _drive(wire: FakeWire, clock: FakeClock, timeout_s: float = 10.0) -> Drive:
    return Drive(wire, FakeSource(), clock, timeout_s)


async def test_an_open_loop_sends_when_it_is_time_whatever_was_answered() -> None:
    clock = FakeClock()
    wire = FakeWire()
    drive = _drive(wire, clock)
    drive.begin_open([Arrival(0.010), Arrival(0.020), Arrival(0.030)])
    clock.pass_ms(25)
    assert len(wire.sent) == 2
    clock.pass_ms(5)
    assert len(wire.sent) == 3
    assert not drive.finished.done()
    for _ in range(3):
        wire.tell()
    assert drive.finished.done()
    assert [each.latency_ms for each in drive.samples] == [20.0, 10.0, 0.0]


async def test_latency_counts_from_the_time_that_was_planned_where_sending_was_late() -> None:
    clock = FakeClock()
    wire = FakeWire()
    drive = _drive(wire, clock)
    drive.begin_open([Arrival(0.010)])
    clock.time_ns += 50 * MS  # the loop was held up
    clock.pass_ms(0)
    clock.pass_ms(5)
    wire.tell()
    (sample,) = drive.samples
    assert sample.latency_ms == 45.0
    assert (sample.sent_ns - sample.scheduled_ns) / MS == 40.0


async def test_a_slow_server_is_seen_in_the_latency_of_all_that_wait_behind_it() -> None:
    clock = FakeClock()
    wire = FakeWire(clock, service_ms=20, servers=1)
    drive = _drive(wire, clock)
    drive.begin_open([Arrival(index * 0.010) for index in range(50)])
    clock.pass_ms(2000)
    assert drive.finished.done()
    assert drive.samples[-1].latency_ms == pytest.approx(20 + 49 * 10)


async def test_answers_are_looked_at_between_many_that_are_due_at_once() -> None:
    clock = FakeClock()
    wire = FakeWire()
    drive = _drive(wire, clock)
    order: list[int] = []
    drive.begin_open([Arrival(0.0)] * 100)
    clock.call_soon(lambda: order.append(len(wire.sent)))
    clock.pass_ms(0)
    assert order == [64]  # 32 at the beginning, 32 more that were asked for before
    assert len(wire.sent) == 100


async def test_a_closed_loop_keeps_so_many_in_flight_and_stops_in_time() -> None:
    clock = FakeClock()
    wire = FakeWire(clock, service_ms=10)
    drive = _drive(wire, clock)
    drive.begin_closed(4, itertools.cycle([Arrival(0.0, 2, 7, "blue")]), 0.1)
    assert drive.in_flight == 4
    clock.pass_ms(95)
    assert drive.in_flight == 4
    clock.pass_ms(20)
    assert drive.finished.done()
    assert len(drive.samples) == 40
    assert (drive.samples[0].rows, drive.samples[0].length, drive.samples[0].tenant) == (2, 7, "blue")


async def test_what_is_not_answered_in_time_is_given_up_and_counted() -> None:
    clock = FakeClock()
    wire = FakeWire()
    drive = _drive(wire, clock, timeout_s=1.0)
    drive.begin_open([Arrival(0.0), Arrival(0.9)])
    clock.pass_ms(1500)
    assert [each.answer.verdict for each in drive.samples] == ["timeout"]
    assert wire.cancelled == 1
    wire.tell()  # too late: it is over already
    clock.pass_ms(1000)
    assert [each.answer.verdict for each in drive.samples] == ["timeout", "timeout"]
    assert drive.finished.done()


async def test_a_server_that_is_gone_ends_the_step_and_what_was_measured_stays() -> None:
    clock = FakeClock()
    wire = FakeWire(clock, service_ms=0)
    drive = _drive(wire, clock)
    drive.begin_open([Arrival(index * 0.1) for index in range(100)])
    clock.pass_ms(2050)
    wire.answer = lambda request: LOST
    clock.pass_ms(5000)
    assert drive.finished.done()
    assert drive.ended == "the server was gone after 2.1 s: connection refused"
    assert [each.answer.verdict for each in drive.samples[:21]] == ["answered"] * 21
    assert len(wire.sent) < 40


async def test_some_lost_requests_among_answers_do_not_end_the_step() -> None:
    clock = FakeClock()
    wire = FakeWire(clock, service_ms=1)
    drive = _drive(wire, clock)
    turns = itertools.cycle([LOST, LOST, Answer("shed", "503")])
    wire.answer = lambda request: next(turns)
    drive.begin_closed(1, itertools.cycle([Arrival(0.0)]), 5.0)
    clock.pass_ms(6000)
    assert drive.finished.done()
    assert drive.ended == ""


async def test_a_client_pauses_after_a_lost_request() -> None:
    clock = FakeClock()
    wire = FakeWire(clock, service_ms=0)
    wire.answer = lambda request: LOST
    drive = _drive(wire, clock)
    drive.begin_closed(1, itertools.cycle([Arrival(0.0)]), 0.5)
    clock.pass_ms(600)
    assert 20 <= len(drive.samples) <= 26


async def test_what_is_stopped_counts_what_was_in_flight() -> None:
    clock = FakeClock()
    wire = FakeWire()
    drive = _drive(wire, clock)
    drive.begin_closed(3, itertools.cycle([Arrival(0.0)]), 5.0)
    wire.tell()
    drive.stop("interrupted")
    assert (drive.ended, drive.given_up, wire.cancelled, len(drive.samples)) == ("interrupted", 3, 3, 1)
    clock.pass_ms(10_000)
    assert len(wire.sent) == 4
