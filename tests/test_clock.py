"""The machine's clock and its timers."""

import asyncio
import time

import pytest

from headrace.clock import LoopClock, unix_s


async def test_time_does_not_go_back() -> None:
    clock = LoopClock(asyncio.get_running_loop())
    times = [clock.now_ns() for _ in range(100)]
    assert times == sorted(times)


async def test_unix_time_is_told_by_the_same_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = LoopClock(asyncio.get_running_loop())
    assert abs(unix_s(clock) - time.time()) < 5
    monkeypatch.setattr(time, "time_ns", lambda: 0)  # somebody has set the machine's
    assert unix_s(clock) > 1_600_000_000


async def test_a_call_whose_time_has_come_is_made() -> None:
    clock, called = LoopClock(asyncio.get_running_loop()), asyncio.Event()
    clock.call_at(clock.now_ns() - 1, called.set)
    await called.wait()


async def test_a_call_that_is_taken_back_is_not_made() -> None:
    clock, calls, last = LoopClock(asyncio.get_running_loop()), [], asyncio.Event()
    clock.call_at(clock.now_ns(), lambda: calls.append(1)).cancel()
    clock.call_at(clock.now_ns() + 1, last.set)
    await last.wait()
    assert calls == []
