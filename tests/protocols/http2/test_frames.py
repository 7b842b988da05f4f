"""Frames as bytes, held against a library that has its own opinion of them."""

import pytest
from hyperframe.frame import Frame, GoAwayFrame, PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.faults import ConnectionFault


def parsed(data: bytes) -> Frame:
    frame, size = Frame.parse_frame_header(memoryview(data[:9]))
    assert size == len(data) - 9
    frame.parse_body(memoryview(data[9:]))
    return frame


def test_each_kind_reads_as_it_is_meant() -> None:
    settings, window, reset = (
        parsed(frames.settings({3: 7, 5: 70_000})),
        parsed(frames.window_update(5, 9)),
        parsed(frames.reset(7, codes.CANCEL)),
    )
    assert isinstance(settings, SettingsFrame) and settings.settings == {3: 7, 5: 70_000}
    assert isinstance(window, WindowUpdateFrame) and (window.stream_id, window.window_increment) == (5, 9)
    assert isinstance(reset, RstStreamFrame) and (reset.stream_id, reset.error_code) == (7, codes.CANCEL)


def test_ping_and_goaway_read_as_they_are_meant() -> None:
    ping, goaway = parsed(frames.ping(b"12345678", ack=True)), parsed(frames.goaway(9, 11, "calm"))
    assert isinstance(ping, PingFrame) and ping.opaque_data == b"12345678" and "ACK" in ping.flags
    assert isinstance(goaway, GoAwayFrame)
    assert (goaway.last_stream_id, goaway.error_code, goaway.additional_data) == (9, 11, b"calm")


def test_settings_are_read_in_their_order() -> None:
    sent = frames.settings({4: 100, 99: 5, 5: 16384})[9:]
    assert list(frames.read_settings(sent)) == [(4, 100), (99, 5), (5, 16384)]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"12345", codes.FRAME_SIZE_ERROR),
        (frames.settings({codes.INITIAL_WINDOW_SIZE: 2**31})[9:], codes.FLOW_CONTROL_ERROR),
        (frames.settings({codes.MAX_FRAME_SIZE: 100})[9:], codes.PROTOCOL_ERROR),
        (frames.settings({codes.MAX_FRAME_SIZE: 2**24})[9:], codes.PROTOCOL_ERROR),
        (frames.settings({codes.ENABLE_PUSH: 2})[9:], codes.PROTOCOL_ERROR),
    ],
)
def test_settings_that_may_not_be_are_faults(payload: bytes, code: int) -> None:
    with pytest.raises(ConnectionFault) as fault:
        list(frames.read_settings(payload))
    assert fault.value.code == code


def test_a_number_of_another_length_is_a_fault() -> None:
    with pytest.raises(ConnectionFault, match="RST_STREAM is not 4 bytes"):
        frames.read_u32(b"123", "RST_STREAM")
