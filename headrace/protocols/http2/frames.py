"""Frames as bytes: each kind that a server sends, and what the settings of a client say."""

from collections.abc import Iterator, Mapping
from struct import Struct

from headrace.protocols.http2.codes import (
    ACK,
    ENABLE_PUSH,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    INITIAL_WINDOW_SIZE,
    LEAST_MAX_FRAME,
    MAX_FRAME_SIZE,
    MAX_WINDOW,
    MOST_MAX_FRAME,
    PING,
    PROTOCOL_ERROR,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from headrace.protocols.http2.faults import ConnectionFault
from headrace.types import Buffer

HEAD = Struct(">HBBBI")
"""Length (its first 16 bits, then 8), kind, flags, stream."""
WHOLE_HEAD = Struct(">IBI")
"""The same with length and kind in one, which is quicker to write: `length << 8 | kind`."""
U32 = Struct(">I")

_SETTING = Struct(">HI")
_TWO = Struct(">II")


def frame(kind: int, flags: int, number: int, payload: bytes = b"") -> bytes:
    """Any frame."""
    size = len(payload)
    return HEAD.pack(size >> 8, size & 255, kind, flags, number) + payload


def settings(values: Mapping[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*each) for each in values.items()))


def settings_ack() -> bytes:
    return frame(SETTINGS, ACK, 0)


def window_update(number: int, count: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, number, U32.pack(count))


def reset(number: int, code: int) -> bytes:
    return frame(RST_STREAM, 0, number, U32.pack(code))


def ping(payload: bytes, ack: bool = False) -> bytes:
    return frame(PING, ACK if ack else 0, 0, payload)


def goaway(last: int, code: int, why: str = "") -> bytes:
    return frame(GOAWAY, 0, 0, _TWO.pack(last, code) + why.encode("ascii", "replace"))


def read_settings(payload: Buffer) -> Iterator[tuple[int, int]]:
    """Each setting's number and value, in order. Raises ConnectionFault for one that may not be."""
    if len(payload) % _SETTING.size:
        raise ConnectionFault(FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 bytes")
    for setting, value in _SETTING.iter_unpack(payload):
        if setting == INITIAL_WINDOW_SIZE and value > MAX_WINDOW:
            raise ConnectionFault(FLOW_CONTROL_ERROR, f"INITIAL_WINDOW_SIZE is over {MAX_WINDOW}")
        if setting == MAX_FRAME_SIZE and not LEAST_MAX_FRAME <= value <= MOST_MAX_FRAME:
            raise ConnectionFault(
                PROTOCOL_ERROR, f"MAX_FRAME_SIZE is not in the range of {LEAST_MAX_FRAME} to {MOST_MAX_FRAME}"
            )
        if setting == ENABLE_PUSH and value > 1:
            raise ConnectionFault(PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1")
        yield setting, value


def read_u32(payload: Buffer, what: str) -> int:
    """The payload of a frame that is one number. Raises ConnectionFault where it has another length."""
    if len(payload) != U32.size:
        raise ConnectionFault(FRAME_SIZE_ERROR, f"{what} is not 4 bytes")
    value: int = U32.unpack(payload)[0]
    return value
