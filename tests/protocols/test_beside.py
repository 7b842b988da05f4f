"""What takes long is done on a thread, and counted."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from contextlib import nullcontext, suppress

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.beside import LONG_BYTES, LONG_SHARED_BYTES, LONG_TENSORS, Beside, takes_long


class Expecting:
    """Counts what is expected, and what was entered of that."""

    def __init__(self) -> None:
        self.under_way = 0
        self.left = asyncio.Event()

    def __call__(self) -> "Expecting":
        self.under_way += 1
        return self

    def __enter__(self) -> None:
        """Nothing is let in here."""

    def __exit__(self, *raised: object) -> None:
        self.under_way -= 1
        self.left.set()


class Held:
    """Something that work holds."""


async def test_it_is_done_on_another_thread_and_told_on_the_loops_own() -> None:
    expecting, told = Expecting(), list[tuple[int, int]]()
    Beside(expecting).unpack(threading.get_ident, lambda done: told.append((done(), threading.get_ident())))
    assert expecting.under_way == 1
    await expecting.left.wait()
    ((done_on, told_on),) = told
    assert done_on != told_on == threading.get_ident()
    assert expecting.under_way == 0


async def test_what_it_raises_is_raised_where_it_is_asked_for() -> None:
    expecting, raised = Expecting(), list[str]()

    def told(done: Callable[[], float]) -> None:
        with pytest.raises(ZeroDivisionError):
            done()
        raised.append("here")

    Beside(expecting).unpack(lambda: 1 / 0, told)
    await expecting.left.wait()
    assert raised == ["here"]


async def test_who_cancels_is_told_nothing_and_counted_no_longer() -> None:
    expecting, told = Expecting(), list[object]()
    cancel = Beside(expecting).unpack(lambda: None, told.append)
    cancel()
    await expecting.left.wait()
    assert (told, expecting.under_way) == ([], 0)


async def test_whoever_waits_gets_what_is_unpacked_or_what_is_raised() -> None:
    expecting = Expecting()
    beside = Beside(expecting)
    assert await beside.unpacked(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await beside.unpacked(lambda: 1 / 0)
    assert expecting.under_way == 0


@pytest.mark.parametrize("waits", [True, False])
async def test_what_work_held_that_failed_is_let_go_without_the_garbage_collector(waits: bool) -> None:
    expecting, held = Expecting(), list[weakref.ref[Held]]()
    beside = Beside(expecting)

    def work() -> None:
        holding = Held()
        held.append(weakref.ref(holding))
        raise InvalidRequest("no")

    def told(done: Callable[[], None]) -> None:
        with suppress(InvalidRequest):
            done()

    gc.disable()
    try:
        if waits:
            with suppress(InvalidRequest):
                await beside.unpacked(work)
        else:
            beside.unpack(work, told)
            await expecting.left.wait()
            await asyncio.sleep(0)
        await beside.close()
        assert held[0]() is None
    finally:
        gc.enable()


async def test_whoever_waits_no_more_is_counted_no_longer() -> None:
    expecting, may_end = Expecting(), threading.Event()
    waiting = asyncio.ensure_future(Beside(expecting).unpacked(may_end.wait))
    await asyncio.sleep(0)
    waiting.cancel()
    may_end.set()
    await expecting.left.wait()
    assert (waiting.cancelled(), expecting.under_way) == (True, 0)


async def test_what_is_read_is_read_in_turn_and_what_is_unpacked_waits_for_none_of_it() -> None:
    beside, may_end, told = Beside(nullcontext), threading.Event(), list[str]()
    unpacked, last = asyncio.Event(), asyncio.Event()

    def first() -> None:
        may_end.wait()
        told.append("first")

    def second() -> None:
        told.append("second")

    beside.read(first, lambda _: None)
    beside.read(second, lambda _: last.set())
    beside.unpack(lambda: None, lambda _: unpacked.set())
    await unpacked.wait()
    assert not told
    may_end.set()
    await last.wait()
    assert told == ["first", "second"]


async def test_once_it_is_closed_nothing_more_begins() -> None:
    expecting, may_end, begun = Expecting(), threading.Event(), list[str]()
    beside = Beside(expecting)
    beside.read(may_end.wait, lambda _: None)
    beside.read(lambda: begun.append("too late"), lambda _: None)
    closing = asyncio.ensure_future(beside.close())
    await expecting.left.wait()
    may_end.set()
    await closing
    assert (begun, expecting.under_way) == ([], 0)


@pytest.mark.parametrize(
    ("said", "num_bytes", "tensors", "shared_bytes", "long"),
    [
        (b"{}", LONG_BYTES, 1, 0, False),
        (b'{"datatype":"FP32"}', 10 * LONG_BYTES, 1, 10 * LONG_BYTES, False),
        (b'{"datatype":"BYTES"}', 100, 1, 100, False),
        (b'{"datatype":"BYTES"}', 10 * LONG_BYTES, 1, 0, True),
        (b'{"datatype":"BYTES"}', 100, 1, 10 * LONG_BYTES, True),
        (bytes(LONG_BYTES + 1), LONG_BYTES + 1, 1, 0, True),
        (b'{"shared_memory_region":"r"}', 100, 1, LONG_SHARED_BYTES, False),
        (b'{"shared_memory_region":"r"}', 100, 1, LONG_SHARED_BYTES + 1, True),
        (b"{}", 100, LONG_TENSORS, 0, False),
        (b"{}", 100, LONG_TENSORS + 1, 0, True),
    ],
)
def test_numbers_in_text_strings_many_tensors_and_what_is_shared_take_long(
    said: bytes, num_bytes: int, tensors: int, shared_bytes: int, long: bool
) -> None:
    assert takes_long(memoryview(said), num_bytes, tensors, shared_bytes) is long
