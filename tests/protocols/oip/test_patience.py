"""A client that is awaited has its time, and no more."""

import asyncio
from typing import cast

from headrace.protocols.oip.patience import Patience
from tests.protocols.oip.fake_transport import FakeTimers, FakeTransport


def waiting() -> tuple[Patience, FakeTransport, FakeTimers]:
    transport, timers = FakeTransport(), FakeTimers()
    patience = Patience(cast(asyncio.Transport, transport), 5, cast(asyncio.AbstractEventLoop, timers))
    patience.begin()
    return patience, transport, timers


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
