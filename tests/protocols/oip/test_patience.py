"""A client that is awaited has its time, and no more."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from headrace.protocols.oip.patience import Patience, body_due
from tests.protocols.oip.fake_transport import FakeTimers, FakeTransport


def waiting() -> tuple[Patience, FakeTransport, FakeTimers]:
    transport, timers = FakeTransport(), FakeTimers()
    patience = _patience(transport, timers, 5, lambda: None)
    patience.begin()
    return patience, transport, timers


def _patience(transport: FakeTransport, timers: FakeTimers, limit_s: float, late: Callable[[], None]) -> Patience:
    return Patience(cast(asyncio.Transport, transport), limit_s, cast(asyncio.AbstractEventLoop, timers), late)


async def test_a_client_that_does_nothing_is_closed() -> None:
    _, transport, timers = waiting()
    timers.pass_s(4)
    assert not transport.closed
    timers.pass_s(1)
    assert transport.closed


async def test_each_beginning_gives_the_whole_time_anew() -> None:
    patience, transport, timers = waiting()
    timers.pass_s(4)
    patience.begin()
    timers.pass_s(4)
    assert not transport.closed
    timers.pass_s(1)
    assert transport.closed


async def test_nothing_happens_while_it_is_the_client_who_waits() -> None:
    patience, transport, timers = waiting()
    patience.end()
    timers.pass_s(100)
    assert not transport.closed


async def test_a_client_that_takes_its_answer_slowly_is_left_alone() -> None:
    _, transport, timers = waiting()
    for left in (300, 200, 100):
        timers.pass_s(4)
        transport.unsent = bytes(left)
        timers.pass_s(1)
        assert not transport.closed


@pytest.mark.parametrize(
    ("arrived", "late_s"),
    [
        ([(0, 1)], 21),
        ([(0, 500)], 22),
        ([(0, 5000)], 31),
        ([(second, 1) for second in range(0, 60, 5)], 21),
        ([(second, 500) for second in range(60)], 81),
        ([(0, 0), (15, 10_000)], 41),
    ],
)
async def test_a_body_has_twenty_seconds_and_one_more_for_each_500_bytes(
    arrived: list[tuple[int, int]], late_s: int
) -> None:
    timers, late = FakeTimers(), list[float]()
    patience = _patience(FakeTransport(), timers, 75, lambda: late.append(timers.now_s))
    patience.begin()
    for second in range(100):
        for _, num_bytes in [part for part in arrived if part[0] == second and not late]:
            patience.await_body(num_bytes)
        timers.pass_s(1)
    assert len(late) == 1
    assert late_s - 1 <= late[0] <= late_s


def test_what_is_beyond_a_small_body_has_to_come_faster() -> None:
    assert body_due(20.0, 0, 64 << 10, now=100.0) == 20 + (64 << 10) / 500
    assert body_due(20.0, 64 << 10, 64 << 10, now=100.0) == 24
    assert body_due(20.0, 63 << 10, 17 << 10, now=100.0) == 20 + 1024 / 500 + 1


def test_a_body_that_came_fast_earns_a_minute_and_no_more() -> None:
    assert body_due(20.0, 0, 64 << 20, now=1.0) == 61
    assert body_due(61.0, 63 << 20, 1, now=60.0) < 62


def test_a_body_at_the_least_pace_takes_as_long_as_its_size_says() -> None:
    due, now, sent = 20.0, 0.0, 0
    while now < due and sent < 64 << 20:
        due = body_due(due, sent, 15 << 10, now)
        sent, now = sent + (15 << 10), now + 1
    assert now < 20 + (64 << 10) / 500 + sent / (16 << 10) < 64 * 64


async def test_the_time_of_a_body_begins_with_it() -> None:
    timers, late = FakeTimers(), list[float]()
    patience = _patience(FakeTransport(), timers, 75, lambda: late.append(timers.now_s))
    patience.begin()
    timers.pass_s(19)
    patience.end()
    patience.await_body(0)
    for _ in range(25):
        timers.pass_s(1)
    assert late == [39]


async def test_a_body_that_is_whole_is_never_late() -> None:
    timers, late = FakeTimers(), list[float]()
    patience = _patience(FakeTransport(), timers, 75, lambda: late.append(timers.now_s))
    patience.await_body(1)
    patience.end()
    for _ in range(60):
        timers.pass_s(1)
    assert late == []
