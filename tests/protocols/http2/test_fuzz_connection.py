"""Whatever a client sends, the connection answers with frames, and ends only with a GOAWAY."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.limits import Limits
from tests.protocols.http2.peer import REQUEST, Peer

LIMITS = Limits(stream_window_bytes=5000, connection_window_bytes=65_535, max_streams=4, max_header_bytes=2000)
NUMBERS = st.sampled_from([0, 1, 1, 1, 2, 3, 3, 5, 7, 9, 2**31 - 1])
PAYLOADS = st.one_of(
    st.just(REQUEST),
    st.just(b""),
    st.binary(max_size=40),
    st.integers(0, 6000).map(bytes),
    st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4)),
    st.dictionaries(st.integers(0, 8), st.integers(0, 2**32 - 1), max_size=3).map(
        lambda each: frames.settings(each)[9:]
    ),
)
FRAMES = st.builds(
    frames.frame,
    st.one_of(st.sampled_from([codes.HEADERS, codes.DATA]), st.integers(0, 11)),
    st.sampled_from([0, 1, 4, 5, 8, 0x20, 0x2D, 255]),
    NUMBERS,
    PAYLOADS,
)
REPLIES = st.tuples(st.sampled_from([1, 3, 5]), st.integers(0, 9000), st.booleans())


@pytest.mark.fuzz
@given(st.lists(st.one_of(FRAMES, st.binary(max_size=20), REPLIES), max_size=20), st.integers(1, 3000))
def test_any_frames_are_answered_or_end_the_connection_in_order(
    sent: list[bytes | tuple[int, int, bool]], cuts: int
) -> None:
    peer = Peer(LIMITS)
    for each in sent:
        if isinstance(each, bytes):
            peer.send(each, cuts)
        elif each[0] in peer.heard:
            number, size, ends = each
            peer.heard[number].stream.send(b"\x88", (bytes(size),), size, b"\x88" if ends else None)
    found = peer.frames()
    assert all(each.kind <= codes.CONTINUATION for each in found)
    said_goodbye = any(each.kind == codes.GOAWAY for each in found)
    assert said_goodbye == (peer.transport.state != "open") or peer.transport.state == "closed"
    assert not any(b"its log says why" in each.payload for each in found)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logging.getLogger("headrace.protocols.http2").setLevel(logging.WARNING)
