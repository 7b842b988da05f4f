"""Threads are looked at for a while, by one at a time."""

import asyncio
import threading

import pytest

from headrace.errors import Conflict
from headrace.profiling.sampling import Profiler, sample


def test_every_thread_but_the_one_that_looks_is_seen() -> None:
    go_on = threading.Event()
    other = threading.Thread(target=go_on.wait, name="other")
    other.start()
    try:
        stacks = sample(3, 0.0, lambda interval_s: False)
    finally:
        go_on.set()
        other.join()
    assert stacks.looks == 3
    assert stacks.seen["other"].total() == 3
    assert threading.current_thread().name not in stacks.seen


def test_it_ends_when_nobody_waits_any_more() -> None:
    assert sample(1000, 0.0, lambda interval_s: True).looks == 0


async def test_a_second_profile_at_once_is_refused_and_a_later_one_is_made() -> None:
    profiler = Profiler(0.001)
    first = asyncio.create_task(profiler.profile(0.05))
    await asyncio.sleep(0)
    with pytest.raises(Conflict, match="being made already"):
        await profiler.profile(0.001)
    assert (await first).looks == 50
    assert (await profiler.profile(0.002)).looks == 2
