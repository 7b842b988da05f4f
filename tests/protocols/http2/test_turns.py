"""A connection is read a little each turn of the loop."""

import pytest

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.limits import Limits
from tests.protocols.http2.peer import Peer

SHORT = Limits(turn_s=-1.0)  # a turn has no time, so that it is over after 8 frames
PINGS = b"".join(frames.ping(bytes(7) + bytes((number,))) for number in range(20))
FIRST, ALL = list(range(8)), list(range(20))


def acks(peer: Peer) -> list[int]:
    """Which PINGs were answered since it was last asked; a turn of the loop goes by."""
    return [each.payload[7] for each in peer.frames() if each.kind == codes.PING]


def greeted(limits: Limits = SHORT) -> Peer:
    peer = Peer(limits)
    peer.frames()
    return peer


def test_what_a_turn_has_no_time_for_waits_for_the_next_and_nothing_is_read_meanwhile() -> None:
    peer = greeted()
    peer.send(PINGS)
    told = []
    for _ in range(4):
        told.append((acks(peer), peer.transport.reading))
    assert [number for numbers, _ in told for number in numbers] == ALL
    assert [len(numbers) for numbers, _ in told] == [8, 8, 4, 0]
    assert [reading for _, reading in told] == [False, True, True, True]


def test_with_time_enough_all_is_handed_on_at_once() -> None:
    peer = greeted(Limits())
    peer.send(PINGS)
    assert acks(peer) == ALL
    assert peer.transport.reading


def test_a_client_that_takes_nothing_has_no_turn_until_it_does() -> None:
    peer = greeted()
    peer.send(PINGS)
    peer.connection.pause_writing()
    assert (acks(peer), acks(peer)) == (FIRST, [])
    peer.connection.resume_writing()
    assert not peer.transport.reading
    found = [acks(peer) for _ in range(4)]
    assert [number for each in found for number in each] == ALL[8:]
    assert peer.transport.reading


def test_a_client_that_takes_nothing_is_not_read_from_when_it_has_caught_up() -> None:
    peer = greeted(Limits())
    peer.connection.pause_writing()
    assert not peer.transport.reading
    peer.connection.resume_writing()
    assert peer.transport.reading


@pytest.mark.parametrize("end", ["abort", "lost"])
def test_nothing_is_handed_on_behind_the_end(end: str) -> None:
    peer = greeted()
    peer.send(PINGS)
    if end == "abort":
        peer.connection.abort()
    else:
        peer.connection.connection_lost(None)
    assert acks(peer) in ([], FIRST)
    assert acks(peer) == []


def test_a_fault_in_a_later_turn_ends_the_connection() -> None:
    peer = greeted()
    peer.send(PINGS + frames.frame(codes.PING, 0, 1, bytes(8)))
    while peer.loop.soon:
        peer.loop.turn()
    assert peer.goaway() == (codes.PROTOCOL_ERROR, "PING is for no stream")
