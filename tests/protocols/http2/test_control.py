"""SETTINGS, PING, GOAWAY and PRIORITY, as a client meets them."""

import pytest

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.codes import ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, PROTOCOL_ERROR
from headrace.protocols.http2.limits import Limits
from tests.protocols.http2.peer import REQUEST, Frame, Peer, content


def test_the_server_says_first_what_it_takes() -> None:
    settings, window = Peer(Limits(max_streams=7), greet=False).frames()
    assert (settings.kind, settings.flags) == (codes.SETTINGS, 0)
    assert dict(frames.read_settings(settings.payload))[codes.MAX_CONCURRENT_STREAMS] == 7
    assert window.kind == codes.WINDOW_UPDATE


def test_settings_are_acknowledged_and_kept_to() -> None:
    peer = Peer()
    peer.send(frames.settings({codes.INITIAL_WINDOW_SIZE: 10, codes.MAX_FRAME_SIZE: 20_000}))
    assert peer.frames() == [Frame(codes.SETTINGS, codes.ACK, 0, b"")]
    heard = peer.request()
    heard.stream.send(b"h", (bytes(30),), 30, b"t")
    assert len(content(peer.frames())) == 10
    peer.send(frames.settings({codes.INITIAL_WINDOW_SIZE: 25}))
    assert len(content(peer.frames())) == 15


def test_a_ping_is_answered_with_what_it_said() -> None:
    peer = Peer()
    peer.send(frames.ping(b"12345678"))
    assert peer.frames() == [Frame(codes.PING, codes.ACK, 0, b"12345678")]


def test_kinds_that_nobody_knows_are_passed_over() -> None:
    peer = Peer()
    peer.send(frames.frame(99, 255, 5, b"whatever"))
    peer.send(frames.frame(99, 0, 0, bytes(500_000)), cuts=1000)
    assert peer.frames() == []
    assert peer.request().headers


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frames.frame(codes.SETTINGS, 0, 1), PROTOCOL_ERROR),
        (frames.frame(codes.SETTINGS, codes.ACK, 0, bytes(6)), FRAME_SIZE_ERROR),
        (frames.frame(codes.SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
        (frames.frame(codes.SETTINGS, 0, 0, bytes(6 * 200)), ENHANCE_YOUR_CALM),
        (frames.frame(codes.PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
        (frames.frame(codes.PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
        (frames.frame(codes.GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
        (frames.frame(codes.PRIORITY, 0, 0, bytes(5)), PROTOCOL_ERROR),
        (frames.frame(codes.PRIORITY, 0, 1, bytes(4)), FRAME_SIZE_ERROR),
        (frames.frame(codes.PRIORITY, 0, 3, b"\0\0\0\3\0"), PROTOCOL_ERROR),
        (frames.frame(codes.PUSH_PROMISE, 0, 1, bytes(8)), PROTOCOL_ERROR),
        (frames.frame(codes.CONTINUATION, 0, 1), PROTOCOL_ERROR),
    ],
)
def test_what_may_not_be_ends_the_connection(sent: bytes, code: int) -> None:
    peer = Peer()
    peer.send(sent)
    assert peer.goaway()[0] == code


@pytest.mark.parametrize(
    "first",
    [
        frames.ping(bytes(8)),
        frames.frame(codes.HEADERS, 5, 1, REQUEST),
        frames.settings_ack(),
        frames.window_update(0, 1),
    ],
)
def test_the_first_frame_is_settings(first: bytes) -> None:
    peer = Peer(greet=False)
    peer.frames()
    peer.send(codes.PREFACE + first)
    assert peer.goaway() == (PROTOCOL_ERROR, "the first frame is not SETTINGS")


@pytest.mark.parametrize(
    ("one", "name"),
    [
        (frames.ping(bytes(8)), "pings"),
        (frames.ping(bytes(8), ack=True), "pings"),
        (frames.settings({}), "settings"),
        (frames.frame(codes.PRIORITY, 0, 1, bytes(5)), "priorities"),
        (frames.frame(99, 0, 0), "unknown_frames"),
        (frames.window_update(0, 1), "window_updates"),
    ],
)
def test_a_flood_of_frames_without_use_is_asked_to_calm_down(one: bytes, name: str) -> None:
    peer = Peer()
    for number in range(1, 1001, 2):
        peer.request(number)  # useful work earns patience
    peer.send(one * 900)
    assert not any(each.kind == codes.GOAWAY for each in peer.frames())
    peer.send(one * 200)
    assert peer.goaway() == (ENHANCE_YOUR_CALM, f"too_many_{name}")
    assert not peer.transport.reading


@pytest.mark.parametrize(("count", "calm"), [(98, False), (120, True)])
def test_of_a_client_that_has_asked_for_nothing_less_is_borne(count: int, calm: bool) -> None:
    peer = Peer()
    peer.send(frames.ping(bytes(8)) * count)
    assert any(each.kind == codes.GOAWAY for each in peer.frames()) == calm


def test_a_client_that_pings_in_its_own_time_is_never_a_flood() -> None:
    peer = Peer()
    for _ in range(5000):
        peer.loop.now += 0.01
        peer.send(frames.ping(bytes(8)))
    assert all(each.kind == codes.PING for each in peer.frames())


def test_a_client_that_pings_with_each_answer_is_never_a_flood() -> None:
    peer = Peer()
    for number in range(1, 10_001, 2):
        peer.request(number).stream.send(b"h", (b"x",), 1, b"t")
        peer.send(frames.ping(bytes(8)) + frames.window_update(0, 1))
    assert not any(each.kind == codes.GOAWAY for each in peer.frames())


def test_a_client_that_says_goodbye_is_let_go_when_its_streams_are_done() -> None:
    peer = Peer()
    heard = peer.request()
    peer.send(frames.goaway(0, 0))
    assert peer.transport.state == "open"
    heard.stream.send(b"h", (), 0, b"t")
    assert peer.transport.state == "closed"
