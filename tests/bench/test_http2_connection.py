"""The client's side of HTTP/2: flow control, limits, ends."""

import asyncio
import struct
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from headrace.bench import http2_frames as h2
from headrace.bench.http2_connection import Fields, Http2Connection
from headrace.bench.http2_frames import Frame, FrameReader, frame, plain_headers


class Transport:
    def __init__(self) -> None:
        self.written = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    close = abort


class Kept:
    def __init__(self) -> None:
        self.fields: Fields = {}
        self.body = b""
        self.ended = 0
        self.lost = ""

    def headers(self, fields: Fields) -> None:
        self.fields = {**self.fields, **fields}

    def piece(self, content: bytes) -> None:
        self.body += content

    def end(self) -> None:
        self.ended += 1

    def reset(self, code: int) -> None:
        self.lost = f"reset with {code}"

    def lose(self, why: str) -> None:
        self.lost = why


class Peer:
    """A connection, and the server's end of it in the test's hands."""

    def __init__(self) -> None:
        self.transport = Transport()
        self.told: list[str] = []
        self.connection = Http2Connection(lambda _: self.told.append("room"), lambda _: self.told.append("gone"))
        self.connection.connection_made(cast(Any, self.transport))
        self._reader = FrameReader()
        self._preface = True

    async def sent(self) -> list[Frame]:
        await asyncio.sleep(0)
        written, self.transport.written = self.transport.written, b""
        if self._preface:
            assert written.startswith(h2.PREFACE)
            written, self._preface = written.removeprefix(h2.PREFACE), False
        return list(self._reader.feed(written))

    def says(self, *frames: bytes) -> None:
        self.connection.data_received(b"".join(frames))


def _window(more: int) -> bytes:
    return struct.pack(">I", more)


async def test_a_request_goes_out_whole_and_its_answer_is_told_once() -> None:
    peer, kept = Peer(), Kept()
    await peer.sent()
    peer.connection.begin(b"block", b"body", kept)
    assert await peer.sent() == [Frame(1, 4, 1, b"block"), Frame(0, 1, 1, b"body")]
    peer.says(
        frame(h2.HEADERS, h2.END_HEADERS, 1, plain_headers([(":status", "200")])),
        frame(h2.DATA, 0, 1, b"answer"),
        frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, plain_headers([("grpc-status", "0")])),
    )
    assert (kept.fields, kept.body, kept.ended) == ({b":status": b"200", b"grpc-status": b"0"}, b"answer", 1)
    assert peer.connection.in_flight == 0


@given(st.lists(st.integers(0, 200_000), min_size=1, max_size=4), st.lists(st.integers(1, 90_000), max_size=30))
def test_no_more_is_sent_than_the_windows_allow_and_in_the_end_all_of_it(bodies: list[int], updates: list[int]) -> None:
    async def run() -> None:
        peer = Peer()
        await peer.sent()
        for size in bodies:
            peer.connection.begin(b"b", bytes(size), Kept())
        got = dict.fromkeys(range(1, 2 * len(bodies), 2), 0)
        allowed = h2.DEFAULT_WINDOW
        for more in [0, *updates, 10**6, 10**6]:
            if more:
                allowed += more
                streams = [frame(h2.WINDOW_UPDATE, 0, stream, _window(more)) for stream in got]
                peer.says(frame(h2.WINDOW_UPDATE, 0, 0, _window(more)), *streams)
            for each in await peer.sent():
                if each.kind == h2.DATA:
                    assert len(each.content) <= h2.DEFAULT_FRAME
                    got[each.stream] += len(each.content)
            assert sum(got.values()) <= allowed
        assert list(got.values()) == bodies

    asyncio.run(run())


async def test_settings_change_the_window_of_what_waits() -> None:
    peer = Peer()
    await peer.sent()
    peer.says(h2.settings([(h2.INITIAL_WINDOW_SIZE, 10), (h2.MAX_CONCURRENT_STREAMS, 7)]))
    assert peer.connection.most == 7
    peer.connection.begin(b"b", bytes(25), Kept())
    assert [len(each.content) for each in await peer.sent() if each.kind == h2.DATA] == [10]
    peer.says(h2.settings([(h2.INITIAL_WINDOW_SIZE, 30)]))
    data = [each for each in await peer.sent() if each.kind == h2.DATA]
    assert [(len(each.content), each.flags) for each in data] == [(15, h2.END_STREAM)]


async def test_a_ping_is_answered() -> None:
    peer = Peer()
    await peer.sent()
    peer.says(frame(h2.PING, 0, 0, b"12345678"))
    assert await peer.sent() == [Frame(h2.PING, h2.ACK, 0, b"12345678")]


async def test_a_stream_that_is_reset_is_lost_and_others_go_on() -> None:
    peer, one, other = Peer(), Kept(), Kept()
    peer.connection.begin(b"b", b"", one)
    peer.connection.begin(b"b", b"", other)
    peer.says(frame(h2.RST_STREAM, 0, 1, _window(11)))
    assert (one.lost, other.lost, peer.connection.in_flight) == ("reset with 11", "", 1)


async def test_what_a_server_that_goes_away_has_not_taken_is_lost() -> None:
    peer, taken, left = Peer(), Kept(), Kept()
    peer.connection.begin(b"b", b"", taken)
    peer.connection.begin(b"b", b"", left)
    peer.says(frame(h2.GOAWAY, 0, 0, _window(1) + _window(0)))
    assert "takes no more" in left.lost
    assert (taken.lost, peer.connection.usable) == ("", False)


async def test_who_waits_no_longer_resets_the_stream() -> None:
    peer, kept = Peer(), Kept()
    await peer.sent()
    stream = peer.connection.begin(b"b", b"", kept)
    peer.connection.cancel(stream)
    peer.connection.cancel(stream)
    assert [each.kind for each in await peer.sent()] == [h2.HEADERS, h2.DATA, h2.RST_STREAM]
    peer.says(frame(h2.DATA, h2.END_STREAM, 1, b"late"))
    assert (kept.body, kept.ended) == (b"", 0)


async def test_headers_may_go_on_in_another_frame() -> None:
    peer, kept = Peer(), Kept()
    peer.connection.begin(b"b", b"", kept)
    block = plain_headers([("grpc-status", "0")])
    peer.says(frame(h2.HEADERS, h2.END_STREAM, 1, block[:4]), frame(h2.CONTINUATION, h2.END_HEADERS, 1, block[4:]))
    assert (kept.fields, kept.ended) == ({b"grpc-status": b"0"}, 1)


async def test_all_are_lost_with_the_connection_which_says_why() -> None:
    peer, kept = Peer(), Kept()
    peer.connection.begin(b"b", b"", kept)
    peer.says(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert peer.transport.aborted
    peer.connection.connection_lost(None)
    assert kept.lost == "not HTTP/2: it speaks HTTP/1, as --protocol http does"
    assert peer.told[-1] == "gone"
