"""Calls that come again, whole: opened, served, and ended as any."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import cast

import pytest

from headrace.protocols.beside import Beside
from headrace.protocols.bodies import Bodies
from headrace.protocols.grpc import method
from headrace.protocols.grpc.again import Again, WholeCall
from headrace.protocols.grpc.call import Opened
from headrace.protocols.grpc.method import AgainCall, Unary
from headrace.protocols.grpc.request import OPENING, Asked
from headrace.protocols.grpc.status import INTERNAL, OK, status_block
from headrace.protocols.http2.stream import Stream as Channel
from tests.protocols.grpc.test_call import FakeChannel

ENDED = status_block(OK)


def begun(serve: Callable[[AgainCall, tuple[bytes, ...]], None]) -> tuple[WholeCall, FakeChannel]:
    channel = FakeChannel()
    asked = Asked(Unary(lambda sent, call: None), None, "identity", (("x", "1"),))
    opened = Opened(
        asked, Unary(lambda sent, call: None), 100, asyncio.get_running_loop(), Beside(nullcontext), Bodies(9)
    )
    call = Again(method.Again([(2, 4)], serve), opened).begin(cast(Channel, channel), (b"ab",))
    assert isinstance(call, WholeCall)
    return call, channel


async def test_one_is_served_what_differs_and_knows_its_metadata() -> None:
    parts = list[tuple[bytes, ...]]()
    call, _ = begun(lambda call, given: parts.append(given))
    assert parts == [(b"ab",)]
    assert call.metadata == (("x", "1"),)
    assert call.time_remaining() is None


async def test_places_are_counted_behind_the_prefix() -> None:
    opened = cast(Opened, None)
    assert Again(method.Again([(2, 4), (9, 10)], lambda call, parts: None), opened).spans == [(7, 9), (14, 15)]


async def test_it_is_finished_once_by_a_message_in_its_frame() -> None:
    call, channel = begun(lambda call, parts: None)
    call.finish_framed(b"\0\0\0\0\1a", ENDED)
    call.finish_framed(b"\0\0\0\0\1b", ENDED)
    call.end(INTERNAL)
    assert channel.sent == [(OPENING, b"\0\0\0\0\1a", ENDED)]


async def test_it_may_be_answered_as_any_call() -> None:
    _, channel = begun(lambda call, parts: call.finish(b"a"))
    assert channel.sent == [(OPENING, b"\0\0\0\0\1a", ENDED)]


async def test_who_waits_hears_that_it_left_and_nothing_is_sent_then() -> None:
    left = list[bool]()
    call, channel = begun(lambda call, parts: call.when_left(lambda: left.append(True)))
    call.left()
    call.finish_framed(b"\0\0\0\0\1a", ENDED)
    assert (left, channel.sent) == ([True], [])


async def test_a_method_that_fails_ends_the_call(caplog: pytest.LogCaptureFixture) -> None:
    def fail(call: AgainCall, parts: tuple[bytes, ...]) -> None:
        raise ValueError

    _, channel = begun(fail)
    ((_, _, tail),) = channel.sent
    assert tail is not None
    assert b"grpc-status\x0213" in tail
    assert "a method failed" in caplog.text
