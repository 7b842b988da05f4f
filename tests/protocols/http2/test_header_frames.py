"""Header blocks in one frame or in several, and none without end."""

import pytest

from headrace.protocols.http2.codes import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    HAS_PRIORITY,
    PADDED,
    PROTOCOL_ERROR,
)
from headrace.protocols.http2.faults import ConnectionFault
from headrace.protocols.http2.header_frames import Block, HeaderFrames

VIEW = memoryview


def test_a_block_may_be_one_frame() -> None:
    assert HeaderFrames(100).begin(END_HEADERS | END_STREAM, 1, VIEW(b"abc")) == Block(1, True, b"abc")


def test_padding_and_priority_are_taken_off() -> None:
    payload = VIEW(b"\x02" + bytes(5) + b"abc" + b"\0\0")
    assert HeaderFrames(100).begin(END_HEADERS | PADDED | HAS_PRIORITY, 3, payload) == Block(3, False, b"abc")


def test_a_block_may_be_continued() -> None:
    frames = HeaderFrames(100)
    assert frames.begin(END_STREAM, 1, VIEW(b"a")) is None
    assert frames.go_on(CONTINUATION, 0, 1, VIEW(b"b")) is None
    assert frames.under_way
    assert frames.go_on(CONTINUATION, END_HEADERS, 1, VIEW(b"c")) == Block(1, True, b"abc")
    assert not frames.under_way


@pytest.mark.parametrize(
    ("flags", "number", "payload", "code"),
    [
        (END_HEADERS, 2, b"", PROTOCOL_ERROR),
        (END_HEADERS, 0, b"", PROTOCOL_ERROR),
        (END_HEADERS | PADDED, 1, b"", PROTOCOL_ERROR),
        (END_HEADERS | PADDED, 1, b"\x02a", PROTOCOL_ERROR),
        (END_HEADERS | HAS_PRIORITY, 1, b"1234", FRAME_SIZE_ERROR),
        (END_HEADERS | HAS_PRIORITY, 1, b"\x80\0\0\x01\0", PROTOCOL_ERROR),
    ],
)
def test_a_frame_that_may_not_be_is_a_fault(flags: int, number: int, payload: bytes, code: int) -> None:
    with pytest.raises(ConnectionFault) as fault:
        HeaderFrames(100).begin(flags, number, VIEW(payload))
    assert fault.value.code == code


@pytest.mark.parametrize(("kind", "number"), [(DATA, 1), (CONTINUATION, 3)])
def test_a_block_is_cut_off_by_nothing_else(kind: int, number: int) -> None:
    frames = HeaderFrames(100)
    frames.begin(0, 1, VIEW(b"a"))
    with pytest.raises(ConnectionFault) as fault:
        frames.go_on(kind, 0, number, VIEW(b""))
    assert fault.value.code == PROTOCOL_ERROR


@pytest.mark.parametrize("payload", [b"x" * 50, b""])
def test_a_block_without_end_is_a_flood(payload: bytes) -> None:
    frames = HeaderFrames(100)
    frames.begin(0, 1, VIEW(b"a"))
    with pytest.raises(ConnectionFault) as fault:
        for _ in range(20):
            frames.go_on(CONTINUATION, 0, 1, VIEW(payload))
    assert fault.value.code == ENHANCE_YOUR_CALM
