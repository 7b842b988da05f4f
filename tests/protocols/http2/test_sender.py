"""What is sent keeps to the client's windows, and all of it arrives in the end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.http2 import codes
from headrace.protocols.http2.budget import Budget
from headrace.protocols.http2.faults import ConnectionFault, StreamFault
from headrace.protocols.http2.sender import Sender
from headrace.protocols.http2.shared import Unsent
from headrace.protocols.http2.stream import Stream
from tests.protocols.http2.peer import FakeTransport, Frame, Heard


class Bench:
    """A sender with streams 1, 3, 5 ... and the bytes that it wrote."""

    def __init__(self, count: int = 1) -> None:
        self.transport = FakeTransport()
        self.ended: list[int] = []
        budget = Budget(10, 0, lambda: 0.0)
        self.unsent = Unsent(1 << 20)
        self.sender = Sender(self.transport, lambda stream: self.ended.append(stream.number), budget, self.unsent)
        nobody: Any = None
        self.streams = [Stream(2 * i + 1, nobody, codes.FIRST_WINDOW, 0, 0) for i in range(count)]
        self.heard = [Heard(stream, []) for stream in self.streams]
        for stream, heard in zip(self.streams, self.heard, strict=True):
            stream.receiver = heard

    def frames(self) -> list[Frame]:
        return self.transport.frames()


def content(found: list[Frame], number: int = 1) -> bytes:
    return b"".join(each.payload for each in found if each.kind == codes.DATA and each.number == number)


def test_a_small_answer_is_three_frames_in_one_write() -> None:
    bench, writes = Bench(), []
    bench.transport.on_write = lambda: writes.append(1)
    assert bench.sender.send(bench.streams[0], b"head", (b"ab", b"cd"), 4, b"tail")
    assert bench.frames() == [
        Frame(codes.HEADERS, codes.END_HEADERS, 1, b"head"),
        Frame(codes.DATA, 0, 1, b"abcd"),
        Frame(codes.HEADERS, codes.END_HEADERS | codes.END_STREAM, 1, b"tail"),
    ]
    assert (writes, bench.ended) == ([1], [1])


def test_a_large_answer_comes_in_frames_that_the_client_takes() -> None:
    bench = Bench()
    bench.sender.send(bench.streams[0], b"head", (bytes(60_000),), 60_000, b"tail")
    sizes = [len(each.payload) for each in bench.frames() if each.kind == codes.DATA]
    assert sizes == [16384, 16384, 16384, 60_000 - 3 * 16384]


def test_what_a_window_holds_back_follows_when_it_opens() -> None:
    bench = Bench()
    stream = bench.streams[0]
    bench.sender.widen(1 << 20)
    sent = bytes(range(256)) * 400
    assert not bench.sender.send(stream, b"h", (sent,), len(sent), b"t")
    assert content(bench.frames()) == sent[: codes.FIRST_WINDOW]
    assert not bench.ended
    bench.sender.widen_stream(stream, 1 << 20)
    found = bench.frames()
    assert content(found) == sent[codes.FIRST_WINDOW :]
    assert found[-1].flags & codes.END_STREAM
    assert bench.ended == [1]


def test_trailers_need_no_window() -> None:
    bench = Bench()
    bench.streams[0].window = bench.sender.window = 0
    bench.sender.send(bench.streams[0], b"", (), 0, b"tail")
    assert bench.ended == [1]


def test_a_full_socket_holds_content_back_until_it_is_free() -> None:
    bench = Bench()
    bench.transport.on_write = bench.sender.pause
    assert not bench.sender.send(bench.streams[0], b"h", (b"a" * 10,), 10, None)
    assert content(bench.frames()) == b"a" * 10
    before = bench.heard[0].times_drained
    bench.transport.on_write = lambda: None
    bench.sender.resume()
    assert (before, bench.heard[0].times_drained) == (0, 1)


def test_streams_take_turns_where_the_connections_window_is_small() -> None:
    bench = Bench(2)
    for stream in bench.streams:
        stream.window = 1 << 30
        bench.sender.send(stream, b"h", (bytes(1 << 20),), 1 << 20, b"t")
    bench.frames()
    bench.sender.widen(256 * 1024)
    found = bench.frames()
    assert len(content(found, 1)) == len(content(found, 3)) == 128 * 1024


def test_a_stream_that_is_dropped_sends_nothing_more() -> None:
    bench = Bench()
    bench.sender.send(bench.streams[0], b"h", (bytes(100_000),), 100_000, b"t")
    bench.sender.drop(bench.streams[0])
    bench.frames()
    bench.sender.widen(1 << 20)
    assert not bench.frames()


def test_what_waits_for_clients_is_counted_until_it_is_sent_or_dropped() -> None:
    bench = Bench(2)
    for stream in bench.streams:
        bench.sender.send(stream, b"h", (bytes(100_000),), 100_000, b"t")
    assert bench.unsent.total_bytes == 200_000 - codes.FIRST_WINDOW
    bench.sender.drop(bench.streams[1])
    assert bench.unsent.total_bytes == 100_000 - codes.FIRST_WINDOW
    bench.sender.widen(1 << 20)
    bench.sender.widen_stream(bench.streams[0], 1 << 20)
    assert bench.unsent.total_bytes == 0


def test_who_takes_nothing_has_room_for_one_answer_of_any_size_and_for_more_as_far_as_all_may() -> None:
    bench = Bench(2)
    assert bench.sender.has_room(10 << 20)
    bench.sender.send(bench.streams[0], b"h", (bytes(1 << 20),), 1 << 20, b"t")
    assert bench.sender.has_room(codes.FIRST_WINDOW)
    assert not bench.sender.has_room(codes.FIRST_WINDOW + 1)


def test_who_takes_everything_has_room_until_others_leave_twice_as_much_as_all_may() -> None:
    bench = Bench()
    bench.unsent.total_bytes = 2 << 20
    assert bench.sender.has_room(10 << 20)
    bench.unsent.total_bytes += 1
    assert not bench.sender.has_room(1)


def test_windows_that_grow_too_much_are_faults() -> None:
    bench = Bench()
    with pytest.raises(StreamFault):
        bench.sender.widen_stream(bench.streams[0], codes.MAX_WINDOW)
    with pytest.raises(ConnectionFault):
        bench.sender.widen(codes.MAX_WINDOW)
    with pytest.raises(ConnectionFault):
        Bench().sender.resize(codes.MAX_WINDOW, [Stream(1, None, codes.MAX_WINDOW, 0, 0)])  # type: ignore[arg-type]


def test_a_window_may_become_negative_and_nothing_is_sent_until_it_is_not() -> None:
    bench = Bench()
    stream = bench.streams[0]
    bench.sender.send(stream, b"h", (bytes(60_000),), 60_000, None)
    bench.frames()
    bench.sender.resize(100, bench.streams)
    assert stream.window == 100 - 60_000
    assert not bench.sender.send(stream, b"", (b"x",), 1, b"t")
    assert not bench.frames()
    bench.sender.widen_stream(stream, 60_000)
    assert content(bench.frames()) == b"x"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 2), st.integers(0, 50_000)),
        st.tuples(st.just("widen"), st.just(0), st.integers(1, 100_000)),
        st.tuples(st.just("widen_stream"), st.integers(0, 2), st.integers(1, 100_000)),
        st.tuples(st.just("resize"), st.just(0), st.integers(0, 100_000)),
        st.tuples(st.just("pause"), st.just(0), st.just(0)),
        st.tuples(st.just("resume"), st.just(0), st.just(0)),
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_happens_windows_are_kept_and_nothing_is_lost(steps: list[tuple[str, int, int]]) -> None:
    bench, open_streams = Bench(3), {0, 1, 2}
    sent = {1: b"", 3: b"", 5: b""}
    got = {1: b"", 3: b"", 5: b""}
    window, windows, first = codes.FIRST_WINDOW, dict.fromkeys(sent, codes.FIRST_WINDOW), codes.FIRST_WINDOW
    for number, (what, index, count) in enumerate([*steps, ("resume", 0, 0), ("widen", 0, 1 << 30)]):
        stream = bench.streams[index]
        if what == "send" and index in open_streams:
            open_streams.discard(index)
            sent[stream.number] = bytes((number % 256,)) * count
            bench.sender.send(stream, b"h", (sent[stream.number],), count, b"t")
        elif what == "widen":
            window += count
            bench.sender.widen(count)
        elif what == "widen_stream":
            windows[stream.number] += count
            bench.sender.widen_stream(stream, count)
        elif what == "resize":
            windows = {each: size + count - first for each, size in windows.items()}
            first = count
            bench.sender.resize(count, bench.streams)
        elif what in ("pause", "resume"):
            getattr(bench.sender, what)()
        for each in bench.frames():
            if each.kind == codes.DATA:
                size = len(each.payload)
                window, windows[each.number] = window - size, windows[each.number] - size
                assert window >= 0
                assert windows[each.number] >= 0 or not size
                got[each.number] += each.payload
    for stream in bench.streams:
        bench.sender.widen_stream(stream, 1 << 30)
        got[stream.number] += content(bench.frames(), stream.number)
    assert got == sent
    assert sorted(bench.ended) == sorted(2 * index + 1 for index in {0, 1, 2} - open_streams)
