"""WINDOW_UPDATEs reach who sends, and those that may not be are faults of their stream or of the connection."""

import pytest

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.codes import ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, PROTOCOL_ERROR
from tests.protocols.http2.peer import Peer, content


def test_a_stream_and_the_connection_are_widened() -> None:
    peer = Peer()
    peer.send(frames.settings({codes.INITIAL_WINDOW_SIZE: 0}))
    heard = peer.request()
    heard.stream.send(b"\x88", (b"abc",), 3, b"\x88")
    assert not content(peer.frames())
    peer.send(frames.window_update(1, 2))
    assert content(peer.frames()) == b"ab"
    before = peer.connection._sender.window
    peer.send(frames.window_update(0, 7))
    assert peer.connection._sender.window == before + 7


@pytest.mark.parametrize(
    ("number", "payload", "code"),
    [
        (0, bytes(4), PROTOCOL_ERROR),
        (0, bytes(3), FRAME_SIZE_ERROR),
        (0, codes.MAX_WINDOW.to_bytes(4), FLOW_CONTROL_ERROR),
        (3, b"\0\0\0\1", PROTOCOL_ERROR),  # is not open
        (2, b"\0\0\0\1", PROTOCOL_ERROR),  # cannot be
    ],
)
def test_what_may_not_be_ends_the_connection(number: int, payload: bytes, code: int) -> None:
    peer = Peer()
    peer.request()
    peer.send(frames.frame(codes.WINDOW_UPDATE, 0, number, payload))
    assert peer.goaway()[0] == code


@pytest.mark.parametrize(("count", "code"), [(0, PROTOCOL_ERROR), (codes.MAX_WINDOW, FLOW_CONTROL_ERROR)])
def test_what_is_wrong_with_a_stream_resets_it(count: int, code: int) -> None:
    peer = Peer()
    heard = peer.request()
    peer.send(frames.window_update(1, count))
    assert peer.resets() == {1: code}
    assert heard.gone


def test_a_stream_that_has_ended_is_widened_in_vain() -> None:
    peer = Peer()
    peer.request().stream.send(b"\x88", (), 0, b"\x88")
    peer.send(frames.window_update(1, 10))
    assert peer.transport.state == "open"


def test_there_may_not_be_too_many() -> None:
    peer = Peer()
    peer.send(frames.window_update(0, 1) * 1000)
    assert peer.goaway() == (ENHANCE_YOUR_CALM, "too_many_window_updates")
