"""A connection from its greeting to its end: streams, their faults, and what ends it all."""

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.codes import (
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
)
from headrace.protocols.http2.header_blocks import literal
from headrace.protocols.http2.limits import Limits
from tests.protocols.http2.peer import REQUEST, Peer, content

SMALL = Limits(stream_window_bytes=100, connection_window_bytes=70_000, max_streams=2)


def headers(number: int, flags: int = END_HEADERS | END_STREAM, block: bytes = REQUEST) -> bytes:
    return frames.frame(codes.HEADERS, flags, number, block)


def data(number: int, payload: bytes = b"", ended: bool = False) -> bytes:
    return frames.frame(codes.DATA, END_STREAM if ended else 0, number, payload)


# ---- streams


def test_a_request_is_heard_and_answered() -> None:
    peer = Peer()
    heard = peer.request(content=b"abc")
    assert (heard.content, heard.ended) == (b"abc", True)
    heard.stream.send(b"\x88", (b"def",), 3, b"\x88")
    found = peer.frames()
    assert content(found) == b"def"
    assert found[-1].flags == END_HEADERS | END_STREAM


@given(st.lists(st.integers(1, 40), min_size=1, max_size=1), st.binary(max_size=300))
def test_it_is_heard_the_same_wherever_it_is_cut(cuts: list[int], sent: bytes) -> None:
    peer = Peer()
    peer.send(headers(1, END_HEADERS) + data(1, sent[:100]) + data(1, sent[100:], ended=True), cuts[0])
    assert (peer.heard[1].content, peer.heard[1].ended) == (sent, True)


def test_a_request_may_end_with_trailers() -> None:
    peer = Peer()
    heard = peer.request(content=b"abc", ended=False)
    peer.send(headers(1, END_HEADERS | END_STREAM, literal(b"x", b"y")))
    assert (heard.content, heard.ended) == (b"abc", True)


def test_padding_is_not_content() -> None:
    peer = Peer()
    heard = peer.request(ended=False)
    peer.send(frames.frame(codes.DATA, codes.PADDED | END_STREAM, 1, b"\x04abc\0\0\0\0"))
    assert (heard.content, heard.ended) == (b"abc", True)


def test_an_answer_before_the_requests_end_resets_the_stream_without_error() -> None:
    peer = Peer()
    peer.request(ended=False).stream.send(b"", (), 0, b"t")
    assert peer.resets() == {1: NO_ERROR}
    peer.send(data(1, b"on its way") + data(1, ended=True))
    assert peer.frames() == []


def test_a_client_that_resets_a_stream_is_told_of_it_no_more() -> None:
    peer = Peer()
    heard = peer.request()
    peer.send(frames.reset(1, codes.CANCEL))
    assert heard.gone
    assert heard.stream.send(b"h", (b"x",), 1, b"t")
    assert peer.frames() == []


def test_streams_beyond_what_was_agreed_are_refused_and_the_others_go_on() -> None:
    peer = Peer(SMALL)
    peer.request(1)
    peer.request(3)
    peer.send(headers(5))
    assert peer.resets() == {5: REFUSED_STREAM}
    peer.heard[1].stream.send(b"", (), 0, b"t")
    assert peer.request(7).ended


def test_a_lost_connection_frees_its_memory_without_a_collection() -> None:
    peer = Peer()
    peer.request(content=b"abc")
    connection = weakref.ref(peer.connection)
    gc.disable()
    try:
        peer.connection.connection_lost(None)
        peer.loop.turn()
        peer.heard.clear()
        del peer.connection
        assert connection() is None
    finally:
        gc.enable()


def test_an_answered_stream_frees_its_memory_without_a_collection() -> None:
    peer = Peer()
    peer.request()
    heard = weakref.ref(peer.heard[1])
    gc.disable()
    try:
        peer.heard.pop(1).stream.send(b"\x88", (), 0, b"\x88")
        assert heard() is None
    finally:
        gc.enable()


def test_a_lost_connection_leaves_every_stream() -> None:
    peer = Peer()
    heard = [peer.request(number) for number in (1, 3)]
    peer.connection.connection_lost(None)
    assert all(each.gone for each in heard)
    assert peer.lost_count == 1


# ---- faults of a stream


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (headers(1, block=REQUEST + literal(b"X-Upper", b"1")), PROTOCOL_ERROR),
        (headers(1, block=literal(b":method", b"POST")), PROTOCOL_ERROR),
        (headers(1) + data(1, b"late"), STREAM_CLOSED),
        (headers(1) + headers(1), STREAM_CLOSED),
        (headers(1, END_HEADERS) + headers(1, END_HEADERS), PROTOCOL_ERROR),
        (headers(1) + frames.window_update(1, 0), PROTOCOL_ERROR),
        (headers(1) + frames.window_update(1, 2**31 - 1), FLOW_CONTROL_ERROR),
        (headers(1, END_HEADERS) + data(1, bytes(101)), FLOW_CONTROL_ERROR),
    ],
)
def test_what_is_wrong_with_a_stream_resets_it_and_no_other(sent: bytes, code: int) -> None:
    peer = Peer(SMALL)
    peer.send(sent)
    assert peer.resets() == {1: code}
    assert peer.request(3).ended


# ---- faults of the connection


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (data(0, b"x"), PROTOCOL_ERROR),
        (data(1, b"x"), PROTOCOL_ERROR),
        (data(2, b"x"), PROTOCOL_ERROR),
        (headers(0), PROTOCOL_ERROR),
        (headers(2), PROTOCOL_ERROR),
        (headers(5) + headers(3), STREAM_CLOSED),
        (headers(1, END_STREAM) + data(1), PROTOCOL_ERROR),
        (headers(1, END_STREAM) + frames.ping(bytes(8)), PROTOCOL_ERROR),
        (headers(1, block=b"\xff\xff\xff"), codes.COMPRESSION_ERROR),
        (frames.reset(0, 0), PROTOCOL_ERROR),
        (frames.reset(1, 0), PROTOCOL_ERROR),
        (headers(1) + frames.frame(codes.RST_STREAM, 0, 1, b"123"), codes.FRAME_SIZE_ERROR),
        (frames.window_update(0, 0), PROTOCOL_ERROR),
        (frames.window_update(1, 5), PROTOCOL_ERROR),
        (frames.window_update(0, 2**31 - 1), FLOW_CONTROL_ERROR),
        (frames.frame(codes.WINDOW_UPDATE, 0, 0, b"12345"), codes.FRAME_SIZE_ERROR),
        (headers(1, END_HEADERS) + data(1, bytes(70_001)), FLOW_CONTROL_ERROR),
        (headers(1) + frames.settings({codes.INITIAL_WINDOW_SIZE: 2**31}), FLOW_CONTROL_ERROR),
    ],
)
def test_what_is_wrong_with_the_connection_ends_it(sent: bytes, code: int) -> None:
    peer = Peer(SMALL)
    peer.send(sent)
    assert peer.goaway()[0] == code
    assert all(heard.gone or heard.ended for heard in peer.heard.values())


def test_what_is_no_http2_is_told_so() -> None:
    peer = Peer(greet=False)
    peer.frames()
    peer.send(b"GET / HTTP/1.1\r\n")
    assert peer.goaway()[0] == PROTOCOL_ERROR


def test_a_client_that_agreed_on_another_protocol_is_hung_up_on() -> None:
    assert Peer(greet=False, alpn="http/1.1").transport.state == "half closed"


def test_a_client_has_a_moment_to_read_why_it_ends() -> None:
    peer = Peer()
    peer.send(data(0, b"x"))
    assert (peer.transport.state, peer.transport.reading) == ("half closed", False)
    (abort,) = peer.loop.later
    abort()
    assert peer.transport.state == "aborted"


def test_an_application_that_raises_ends_the_connection_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer()
    peer.open = None  # type: ignore[assignment, method-assign]
    peer.send(headers(1))
    assert peer.goaway()[0] == codes.INTERNAL_ERROR
    assert "a connection failed" in caplog.text


# ---- floods


@pytest.mark.parametrize(
    "one",
    [
        lambda number: headers(number) + frames.reset(number, codes.CANCEL),
        lambda number: headers(number) + frames.window_update(number, 0),
        lambda number: headers(number) + data(number),
        lambda number: headers(number, END_HEADERS) + frames.window_update(number, 2**31 - 1),
        lambda number: headers(number, block=literal(b"x", b"y")),
        lambda number: headers(1) if number == 1 else data(1),
    ],
)
def test_a_flood_of_streams_that_come_to_nothing_is_asked_to_calm_down(one: object) -> None:
    assert callable(one)
    peer = Peer()
    for number in range(1, 4001, 2):
        peer.send(one(number))
    assert peer.goaway()[0] in (ENHANCE_YOUR_CALM, STREAM_CLOSED)
    assert len(peer.heard) <= 210


def test_a_flood_of_data_without_content_is_asked_to_calm_down() -> None:
    peer = Peer()
    peer.request(ended=False)
    peer.send(data(1) * 1100)
    assert peer.goaway() == (ENHANCE_YOUR_CALM, "too_many_empty_data")


@pytest.mark.parametrize("size", [0, 16_000])
def test_headers_without_end_are_asked_to_calm_down(size: int) -> None:
    peer = Peer()
    peer.send(headers(1, 0))
    peer.send(frames.frame(codes.CONTINUATION, 0, 1, bytes(size)) * 30)
    assert peer.goaway() == (ENHANCE_YOUR_CALM, "a header block without end")


def test_many_that_give_up_after_a_while_are_no_flood() -> None:
    peer = Peer()
    for number in range(1, 2001, 2):
        peer.request(number)
    peer.loop.now += 1
    for number in range(1, 2001, 2):
        peer.send(frames.reset(number, codes.CANCEL))
    assert not any(each.kind == codes.GOAWAY for each in peer.frames())


# ---- sockets that are full, and clients that are silent


def test_a_client_that_takes_nothing_is_not_read_from() -> None:
    peer = Peer()
    peer.connection.pause_writing()
    assert not peer.transport.reading
    peer.connection.resume_writing()
    assert peer.transport.reading


def test_a_silent_client_is_asked_and_given_up_where_it_does_not_answer() -> None:
    peer = Peer()
    peer.loop.now += 80
    peer.connection.look(peer.loop.now)
    (ping,) = peer.frames()
    assert ping.kind == codes.PING
    peer.loop.now += 25
    peer.connection.look(peer.loop.now)
    assert peer.goaway() == (NO_ERROR, "the client is dead")
    assert peer.transport.state == "aborted"


def test_a_silent_client_that_answers_stays() -> None:
    peer = Peer()
    for _ in range(10):
        peer.loop.now += 80
        peer.connection.look(peer.loop.now)
        (ping,) = peer.frames()
        peer.send(frames.ping(ping.payload, ack=True))
    assert peer.transport.state == "open"


def test_a_client_that_does_not_finish_its_greeting_is_given_up() -> None:
    peer = Peer(greet=False)
    peer.send(codes.PREFACE[:10])
    peer.loop.now += 11
    peer.connection.look(peer.loop.now)
    assert peer.transport.state == "aborted"


@pytest.mark.parametrize("kind", ["frame", "block"])
def test_a_client_that_sends_a_request_s_head_byte_by_byte_is_given_up(kind: str) -> None:
    peer = Peer()
    whole = frames.frame(codes.HEADERS, codes.END_HEADERS if kind == "frame" else 0, 1, bytes(60))
    peer.send(whole[:9] if kind == "frame" else whole)
    for _ in range(6):
        peer.connection.look(peer.loop.now)
        peer.loop.now += 2
        if peer.transport.state == "open":
            peer.send(bytes(1) if kind == "frame" else frames.frame(codes.CONTINUATION, 0, 1, bytes(1)))
    peer.connection.look(peer.loop.now)
    assert peer.transport.state == "aborted"


def test_frames_that_are_cut_wherever_somebody_looks_do_no_harm() -> None:
    peer = Peer()
    ping = frames.ping(bytes(8))
    peer.send(ping[:5])
    for _ in range(20):
        peer.connection.look(peer.loop.now)
        peer.loop.now += 5
        peer.send(ping[5:] + ping[:5])
    assert peer.transport.state == "open"


def test_one_that_was_answered_nothing_stands_by_when_it_came_whatever_it_sends() -> None:
    peer = Peer()
    began = peer.loop.now
    peer.loop.now += 20
    peer.send(frames.ping(bytes(8)))
    assert peer.connection.standing == (False, began)


def test_a_client_that_opens_no_window_for_its_answer_is_given_up() -> None:
    peer = Peer()
    peer.request().stream.send(b"h", (bytes(100_000),), 100_000, b"t")
    for _ in range(9):
        peer.connection.look(peer.loop.now)
        peer.loop.now += 10
        if peer.transport.state == "open":
            peer.send(frames.ping(bytes(8)))
    assert peer.transport.state == "aborted"


# ---- the end


def test_a_server_that_drains_says_so_twice_and_lets_streams_finish() -> None:
    peer = Peer()
    heard = peer.request()
    peer.connection.drain()
    first, ping = peer.frames()
    assert (first.kind, first.payload[:4]) == (codes.GOAWAY, b"\x7f\xff\xff\xff")
    late = peer.request(3)
    peer.send(frames.ping(ping.payload, ack=True))
    (second,) = peer.frames()
    assert (second.kind, int.from_bytes(second.payload[:4])) == (codes.GOAWAY, 3)
    peer.send(headers(5))
    assert peer.resets() == {5: REFUSED_STREAM}
    heard.stream.send(b"", (), 0, b"t")
    late.stream.send(b"", (), 0, b"t")
    assert peer.transport.state == "closed"


def test_an_abort_leaves_what_is_under_way() -> None:
    peer = Peer()
    heard = peer.request()
    peer.connection.abort()
    assert heard.gone
    assert peer.goaway()[0] == NO_ERROR
    assert peer.transport.state == "closed"
