"""The clock that is on time."""

import asyncio
import time

from headrace.bench.timerfd import TimerfdClock


async def test_calls_come_in_order_and_never_before_their_time() -> None:
    clock = TimerfdClock(asyncio.get_running_loop())
    came: list[tuple[str, bool]] = []
    done = asyncio.Event()
    now = clock.now_ns()

    def note(name: str, when_ns: int) -> None:
        came.append((name, time.monotonic_ns() >= when_ns))
        if name == "last":
            done.set()

    for name, after_ns in (("last", 3_000_000), ("first", 500_000), ("past", -5), ("middle", 1_000_000)):
        clock.call_at(now + after_ns, lambda name=name, when=now + after_ns: note(name, when))  # type: ignore[misc]
    await asyncio.wait_for(done.wait(), 10)
    assert came == [("past", True), ("first", True), ("middle", True), ("last", True)]
    clock.close()


async def test_a_call_that_is_taken_back_does_not_come() -> None:
    clock = TimerfdClock(asyncio.get_running_loop())
    came: list[int] = []
    done = asyncio.Event()
    now = clock.now_ns()
    clock.call_at(now + 100_000, lambda: came.append(1)).cancel()
    clock.call_at(now + 200_000, done.set)
    await asyncio.wait_for(done.wait(), 10)
    assert came == []
    clock.close()


async def test_a_call_may_ask_for_the_next() -> None:
    clock = TimerfdClock(asyncio.get_running_loop())
    done = asyncio.Event()

    def ask() -> None:
        clock.call_at(clock.now_ns() + 1000, done.set)

    clock.call_at(clock.now_ns(), ask)
    await asyncio.wait_for(done.wait(), 10)
    clock.close()


async def test_soon_is_after_what_is_ready() -> None:
    clock = TimerfdClock(asyncio.get_running_loop())
    done = asyncio.Event()
    clock.call_soon(done.set)
    assert not done.is_set()
    await asyncio.wait_for(done.wait(), 10)
    clock.close()
