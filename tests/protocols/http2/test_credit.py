"""What a client may send: given back as it is taken, and never more than was agreed."""

from typing import Any

import pytest

from headrace.protocols.http2 import codes
from headrace.protocols.http2.credit import Credit
from headrace.protocols.http2.faults import ConnectionFault
from headrace.protocols.http2.limits import Limits
from headrace.protocols.http2.stream import Stream
from tests.protocols.http2.peer import FakeTransport

LIMITS = Limits(stream_window_bytes=100, connection_window_bytes=1000, intake_bytes=5000)


class Bench:
    def __init__(self, *numbers: int) -> None:
        self.transport = FakeTransport()
        nobody: Any = None
        self.streams = {number: Stream(number, nobody, 0, 100, 0) for number in numbers}
        self.credit = Credit(self.transport, LIMITS, self.streams)

    def grants(self) -> list[tuple[int, int]]:
        found = self.transport.frames()
        assert all(each.kind == codes.WINDOW_UPDATE for each in found)
        return [(each.number, int.from_bytes(each.payload)) for each in found]


def test_the_connections_window_is_given_back_in_halves() -> None:
    bench = Bench()
    bench.credit.spend(500)
    assert bench.grants() == []
    bench.credit.spend(100)
    assert bench.grants() == [(0, 600)]


def test_more_than_the_connections_window_is_a_fault() -> None:
    bench = Bench()
    with pytest.raises(ConnectionFault) as fault:
        bench.credit.spend(1001)
    assert fault.value.code == codes.FLOW_CONTROL_ERROR


def test_a_stream_is_replenished_once_half_of_its_window_is_used() -> None:
    bench = Bench(1)
    stream = bench.streams[1]
    stream.credit = 60
    bench.credit.replenish(stream)
    assert bench.grants() == []
    stream.credit = 40
    bench.credit.replenish(stream)
    assert (bench.grants(), stream.credit) == ([(1, 60)], 100)


def test_a_large_message_is_given_its_room_at_once() -> None:
    bench = Bench(1)
    bench.credit.want(bench.streams[1], 90)
    assert bench.grants() == []
    bench.streams[1].credit = 50
    bench.credit.want(bench.streams[1], 4000)
    assert bench.grants() == [(1, 3950)]


def test_large_messages_wait_for_each_other() -> None:
    bench = Bench(1, 3)
    for stream in bench.streams.values():
        stream.credit = 0
        bench.credit.want(stream, 4000)
    assert bench.grants() == [(1, 4000)]
    bench.credit.sated(bench.streams[1])
    assert bench.grants() == [(3, 4000)]


def test_a_client_is_awaited_unless_its_stream_has_no_room_and_waits_for_others() -> None:
    bench = Bench(1, 3)
    first, second = bench.streams.values()
    for stream in (first, second):
        stream.credit = 0
        bench.credit.want(stream, 4000)
    assert (first.may_send, second.may_send) == (True, False)
    bench.credit.sated(first)
    assert second.may_send


def test_a_stream_that_has_ended_is_granted_nothing() -> None:
    bench = Bench(1)
    bench.streams[1].credit, bench.streams[1].ended = 0, True
    bench.credit.replenish(bench.streams[1])
    bench.credit.want(bench.streams[1], 4000)
    assert bench.grants() == []
