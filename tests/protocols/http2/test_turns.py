"""A connection is read a little each turn of the loop."""

from itertools import cycle, zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.limits import Limits
from headrace.protocols.http2.reader import READ_BYTES
from tests.protocols.http2.peer import REQUEST, Peer

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
    assert [len(numbers) for numbers, _ in told] == [16, 4, 0, 0]  # those of the first turn left with it
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


def test_what_is_answered_in_a_turn_leaves_with_it() -> None:
    peer = greeted(Limits())
    peer.send(PINGS)
    assert [each.payload[7] for each in peer.transport.frames()] == ALL


def test_one_that_fills_read_after_read_is_not_read_from_again_before_others_had_their_turn() -> None:
    peer = greeted(Limits())
    unknown = frames.frame(0xFA, 0, 0, bytes(READ_BYTES - frames.HEAD.size))
    told = []
    for _ in range(5):
        peer.send(unknown)
        told.append(peer.transport.reading)
        peer.loop.turn()
    assert told == [True, True, True, False, True]
    assert peer.transport.reading


def test_of_two_with_much_one_has_a_turn_each_round() -> None:
    one = greeted()
    other = Peer(SHORT, beside=one)
    other.frames()
    one.send(PINGS)
    other.send(PINGS)
    counts = []
    while one.loop.soon:
        one.loop.turn()
        counts.append(tuple(len(peer.transport.frames()) for peer in (one, other)))
    assert counts == [(16, 8), (0, 8), (4, 0), (0, 4)]


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


@given(
    st.lists(st.tuples(st.integers(0, 2), st.lists(st.binary(max_size=60), min_size=1, max_size=4)), max_size=12),
    st.lists(st.integers(1, 200), min_size=1, max_size=8),
)
def test_streams_are_heard_whole_wherever_bytes_are_cut_and_turns_end(
    asked: list[tuple[int, list[bytes]]], cuts: list[int]
) -> None:
    first = greeted()
    peers = [first, Peer(SHORT, beside=first), Peer(SHORT, beside=first)]
    wanted = [dict[int, bytes]() for _ in peers]
    streams = [list[list[bytes]]() for _ in peers]
    for which, parts in asked:
        number = 1 + 2 * len(wanted[which])
        wanted[which][number] = b"".join(parts)
        opening = frames.frame(codes.HEADERS, codes.END_HEADERS, number, REQUEST)
        content = [frames.frame(codes.DATA, 0, number, part) for part in parts[:-1]]
        streams[which].append([opening, *content, frames.frame(codes.DATA, codes.END_STREAM, number, parts[-1])])
    unsent = [b"".join(b"".join(each) for each in zip_longest(*own, fillvalue=b"")) for own in streams]
    sizes = cycle(cuts)
    while any(unsent) or first.loop.soon:
        for at, peer in enumerate(peers):
            if peer.transport.reading:
                size = next(sizes)
                peer.send(unsent[at][:size])
                unsent[at] = unsent[at][size:]
        first.loop.turn()
    assert [{number: heard.content for number, heard in peer.heard.items()} for peer in peers] == wanted
    assert all(heard.ended for peer in peers for heard in peer.heard.values())
