"""Frames are the same wherever their bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.http2 import codes
from headrace.protocols.http2.again import Form
from headrace.protocols.http2.faults import ConnectionFault
from headrace.protocols.http2.frames import HEAD, frame
from headrace.protocols.http2.reader import READ_BYTES, FrameReader

MAX_FRAME, MAX_CONTROL = 1 << 20, 100_000
Event = tuple[object, ...]


class Sink:
    """Keeps frames, the pieces of DATA put together; gives room of its own where it is asked to."""

    def __init__(self, places: bool = False) -> None:
        self.frames: list[Event] = []
        self.data: tuple[int, bool, int, bytearray] | None = None
        self.places = places
        self.placed_bytes = 0
        self._room = memoryview(b"")

    def on_frame(self, kind: int, flags: int, number: int, payload: memoryview) -> None:
        assert self.data is None
        self.frames.append((kind, flags, number, bytes(payload)))

    def on_data(self, number: int, ended: bool, size: int, content: memoryview, whole: bool) -> None:
        assert self.data is None
        self.data = number, ended, size, bytearray()
        self.on_more(content, whole)

    def on_again(self, form: Form, number: int, parts: tuple[bytes, ...], widened: int) -> bool:
        self.frames.append((number, parts, widened))
        return True

    def on_more(self, content: memoryview, whole: bool) -> None:
        assert self.data is not None
        number, ended, size, held = self.data
        held += content
        if whole:
            self.frames.append((codes.DATA, ended, number, size, bytes(held)))
            self.data = None

    def place(self, size: int) -> memoryview | None:
        self._room = memoryview(bytearray(max(1, size // 2)))
        return self._room if self.places else None

    def on_placed(self, count: int, whole: bool) -> None:
        self.placed_bytes += count
        self.on_more(self._room[:count], whole)


def read(data: bytes, cuts: list[int], places: bool = False, turn: float = 1e9) -> Sink:
    """Fed in pieces of these sizes, then in whatever fits; a turn is over after so many frames."""
    sink = Sink(places)
    shared = memoryview(bytearray(READ_BYTES))
    ticks = itertools.count()
    reader = FrameReader(sink, MAX_FRAME, MAX_CONTROL, shared, turn, lambda: next(ticks))
    sizes = iter(cuts)
    while data:
        room = reader.room()
        piece = data[: min(len(room), next(sizes, 1 << 30))]
        room[: len(piece)] = piece
        whole = reader.received(len(piece))
        while not whole:
            shared[:] = bytes(READ_BYTES)  # another connection has read into it
            whole = reader.received(0)
        shared[:] = bytes(READ_BYTES)
        data = data[len(piece) :]
    return sink


@st.composite
def frames(draw: st.DrawFn) -> tuple[bytes, Event]:
    kind, number = draw(st.integers(0, 12)), draw(st.integers(0, 2**31 - 1))
    reserved = draw(st.sampled_from([0, 1 << 31]))
    payload = draw(st.one_of(st.binary(max_size=30), st.integers(0, 90_000).map(bytes)))
    flags = draw(st.sampled_from([0, codes.END_STREAM, codes.END_HEADERS]))
    if kind != codes.DATA:
        return frame(kind, flags, number | reserved, payload), (kind, flags, number, payload)
    padding = draw(st.integers(0, 255)) if draw(st.booleans()) else None
    sent = payload if padding is None else bytes((padding,)) + payload + bytes(padding)
    coded = frame(kind, flags | (0 if padding is None else codes.PADDED), number | reserved, sent)
    return coded, (kind, bool(flags & codes.END_STREAM), number, len(sent), payload)


@given(
    st.lists(frames(), max_size=8),
    st.lists(st.integers(1, 70_000), max_size=30),
    st.booleans(),
    st.sampled_from([0, 1, 3, 1e9]),
)
def test_frames_are_the_same_wherever_they_are_cut_and_whoever_reads_between(
    sent: list[tuple[bytes, Event]], cuts: list[int], places: bool, turn: float
) -> None:
    data = codes.PREFACE + b"".join(coded for coded, _ in sent)
    assert read(data, cuts, places, turn).frames == [event for _, event in sent]


@given(st.lists(frames(), max_size=3).filter(lambda sent: sum(len(coded) for coded, _ in sent) < 2000))
def test_frames_may_come_byte_by_byte(sent: list[tuple[bytes, Event]]) -> None:
    data = codes.PREFACE + b"".join(coded for coded, _ in sent)
    assert read(data, [1] * len(data)).frames == [event for _, event in sent]


def test_the_rest_of_a_large_frame_is_read_to_where_it_belongs() -> None:
    content = bytes(range(256)) * 2000
    sink = read(codes.PREFACE + frame(codes.DATA, 0, 1, content), [60_000], places=True)
    assert sink.frames == [(codes.DATA, False, 1, len(content), content)]
    assert sink.placed_bytes > 400_000


@pytest.mark.parametrize("preface", [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"\x16\x03\x01"])
def test_what_is_not_http2_is_a_fault_at_once(preface: bytes) -> None:
    with pytest.raises(ConnectionFault, match="preface"):
        read(preface, [3])


@pytest.mark.parametrize(
    ("kind", "size", "code"),
    [
        (codes.DATA, MAX_FRAME + 1, codes.FRAME_SIZE_ERROR),
        (codes.HEADERS, MAX_CONTROL + 1, codes.ENHANCE_YOUR_CALM),
        (codes.SETTINGS, MAX_CONTROL + 1, codes.FRAME_SIZE_ERROR),
        (99, MAX_FRAME + 1, codes.FRAME_SIZE_ERROR),
    ],
)
def test_a_frame_that_is_too_large_is_a_fault_before_it_is_read(kind: int, size: int, code: int) -> None:
    with pytest.raises(ConnectionFault) as fault:
        read(codes.PREFACE + HEAD.pack(size >> 8, size & 255, kind, 0, 1), [])
    assert fault.value.code == code


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x05abcd"])
def test_more_padding_than_bytes_is_a_fault(payload: bytes) -> None:
    with pytest.raises(ConnectionFault, match="padding"):
        read(codes.PREFACE + frame(codes.DATA, codes.PADDED, 1, payload), [])


def test_a_turn_ends_between_frames_and_the_rest_waits_for_the_next() -> None:
    sink, ticks = Sink(), itertools.count()
    reader = FrameReader(sink, MAX_FRAME, MAX_CONTROL, memoryview(bytearray(READ_BYTES)), 2.5, lambda: next(ticks))
    data = codes.PREFACE + frame(codes.PING, 0, 0, bytes(8)) * 24
    reader.room()[: len(data)] = data
    told = [(reader.received(count), len(sink.frames)) for count in (len(data), 0, 0)]
    assert told == [(False, 10), (False, 20), (True, 24)]
    assert reader.begun is None


@pytest.mark.parametrize(("size", "whole"), [(8 * 1024, True), (8 * 1024 - 1, False)])
def test_the_few_large_frames_of_a_read_are_handed_on_in_one_turn(size: int, whole: bool) -> None:
    sink, ticks = Sink(), itertools.count()
    reader = FrameReader(sink, MAX_FRAME, MAX_CONTROL, memoryview(bytearray(READ_BYTES)), 0.0, lambda: next(ticks))
    update = frame(codes.WINDOW_UPDATE, 0, 1, bytes(4))
    data = codes.PREFACE + (update + frame(codes.DATA, 0, 1, bytes(size)) + update * 2) * 7
    reader.room()[: len(data)] = data
    assert reader.received(len(data)) == whole


@pytest.mark.parametrize(("kind", "unfinished"), [(codes.DATA, False), (codes.HEADERS, True)])
def test_the_rest_of_a_frame_is_owed_unless_it_is_content(kind: int, unfinished: bool) -> None:
    reader = FrameReader(Sink(), MAX_FRAME, MAX_CONTROL, memoryview(bytearray(READ_BYTES)), 1.0, lambda: 0.0)
    data = codes.PREFACE + frame(kind, 0, 1, bytes(100))[:-1]
    reader.room()[: len(data)] = data
    assert reader.received(len(data))
    assert (reader.begun is not None) == unfinished
