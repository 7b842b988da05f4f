"""HEADERS and CONTINUATION frames to whole header blocks, and no endless ones."""

from typing import NamedTuple

from headrace.protocols.http2.codes import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    HAS_PRIORITY,
    PADDED,
    PROTOCOL_ERROR,
)
from headrace.protocols.http2.faults import ConnectionFault

_MAX_FRAMES = 16  # of one block


class Block(NamedTuple):
    """The headers of one stream, as they are coded."""

    number: int
    ended: bool  # no content follows
    coded: bytes


class HeaderFrames:
    """The block that is under way, of which there is at most one on a connection."""

    __slots__ = ("_coded", "_ended", "_max_bytes", "_num_frames", "under_way")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.under_way = 0  # whose headers they are; 0: none are
        self._ended = False
        self._coded = bytearray()
        self._num_frames = 0

    def begin(self, flags: int, number: int, payload: memoryview) -> Block | None:
        """A HEADERS frame: the block, where it is whole. Raises ConnectionFault."""
        if not number & 1:
            raise ConnectionFault(PROTOCOL_ERROR, f"a client cannot open stream {number}")
        if flags & (PADDED | HAS_PRIORITY):
            payload = _bare(flags, number, payload)
        ended = bool(flags & END_STREAM)
        if flags & END_HEADERS:
            return Block(number, ended, bytes(payload))
        self.under_way, self._ended, self._coded, self._num_frames = number, ended, bytearray(payload), 1
        return None

    def go_on(self, kind: int, flags: int, number: int, payload: memoryview) -> Block | None:
        """What must be a CONTINUATION of it: the block, where it is whole. Raises ConnectionFault."""
        if kind != CONTINUATION or number != self.under_way:
            raise ConnectionFault(PROTOCOL_ERROR, "a header block was cut off by another frame")
        self._coded += payload
        self._num_frames += 1
        if len(self._coded) > self._max_bytes or self._num_frames > _MAX_FRAMES:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "a header block without end")
        if not flags & END_HEADERS:
            return None
        block = Block(number, self._ended, bytes(self._coded))
        self.under_way, self._coded = 0, bytearray()
        return block


def _bare(flags: int, number: int, payload: memoryview) -> memoryview:
    """The block without padding and priority."""
    if flags & PADDED:
        if not payload or payload[0] >= len(payload):
            raise ConnectionFault(PROTOCOL_ERROR, "HEADERS has more padding than bytes")
        payload = payload[1 : len(payload) - payload[0]]
    if flags & HAS_PRIORITY:
        if len(payload) < 5:
            raise ConnectionFault(FRAME_SIZE_ERROR, "HEADERS is too short for its priority")
        if int.from_bytes(payload[:4]) & 0x7FFFFFFF == number:
            raise ConnectionFault(PROTOCOL_ERROR, f"stream {number} depends on itself")
        payload = payload[5:]
    return payload
