"""Frames of HTTP/2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.bench import http2_frames as h2
from headrace.bench.http2_frames import Frame, FrameReader, NotHttp2, frame

FRAMES = st.lists(
    st.tuples(
        st.sampled_from([h2.DATA, h2.HEADERS, h2.SETTINGS, h2.PING, h2.WINDOW_UPDATE]),
        st.sampled_from([0, h2.END_STREAM, h2.END_HEADERS]),
        st.integers(0, 1 << 30),
        st.binary(max_size=400),
    ),
    max_size=5,
)


@given(FRAMES, st.data())
def test_frames_are_the_same_wherever_the_stream_is_cut(
    frames: list[tuple[int, int, int, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(frame(*each) for each in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = FrameReader()
    read = [
        each
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for each in reader.feed(stream[start:end])
    ]
    assert read == [Frame(*each) for each in frames]


def test_padding_and_priority_are_taken_away() -> None:
    padded = frame(h2.DATA, h2.PADDED, 1, b"\x03abc\0\0\0")
    weighed = frame(h2.HEADERS, h2.PADDED | h2.PRIORITY, 1, b"\x01" + bytes(5) + b"block\0")
    assert [each.content for each in FrameReader().feed(padded + weighed)] == [b"abc", b"block"]


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n\r\n", frame(h2.DATA, h2.PADDED, 1, b"\x09abc")])
def test_what_is_no_frame_is_told(data: bytes) -> None:
    with pytest.raises(NotHttp2):
        list(FrameReader().feed(data))


def test_settings_are_read_as_they_were_written() -> None:
    (read,) = FrameReader().feed(h2.settings([(1, 0), (4, 70_000)]))
    assert h2.read_settings(read.content) == [(1, 0), (4, 70_000)]
    with pytest.raises(NotHttp2):
        h2.read_settings(b"12345")


def test_a_number_has_four_bytes() -> None:
    (read,) = FrameReader().feed(h2.window_update(3, 77))
    assert (read.stream, h2.number(read.content)) == (3, 77)
    with pytest.raises(NotHttp2):
        h2.number(b"123")
