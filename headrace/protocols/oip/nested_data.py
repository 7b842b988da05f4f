"""Long nested JSON data as the flat list that it stands for, a window at a time. Knows no values."""

from collections.abc import Iterator

import numpy as np

from headrace.errors import InvalidRequest
from headrace.protocols.beside import rest
from headrace.protocols.oip.json_windows import WINDOW_BYTES, windows
from headrace.types import Buffer, Shape

_SPACE = b" \t\r\n"
_VALUE = b"0"  # stands for each byte of a value
_KINDS = bytes(byte if byte in b"[]," else _VALUE[0] for byte in range(256))
_MISPLACED = (_VALUE + b"[", b"]" + _VALUE, b"][")


def flattened(data: Buffer, shape: Shape, where: str, window_bytes: int = WINDOW_BYTES) -> bytearray:
    """The same data with blanks for all but its outermost brackets, each byte in its place.

    Raises InvalidRequest where brackets and commas are not as the shape says; values are not looked at.
    """
    flat, expected, last, end = bytearray(len(data)), _Expected(shape), b",", 0
    misplaced = (*_MISPLACED, _VALUE) if 0 in shape else _MISPLACED
    for at, window in windows(memoryview(data), 0, window_bytes):
        size, seen = len(window), np.frombuffer(window, np.uint8)
        brackets = (seen == ord("[")) | (seen == ord("]"))
        flat[at : at + size] = np.where(brackets, np.uint8(ord(" ")), np.frombuffer(data, np.uint8, size, at)).tobytes()
        kinds = last + window.translate(_KINDS, _SPACE)
        structure = kinds[1:].translate(None, _VALUE)
        if expected.take(len(structure)) != structure or any(pair in kinds for pair in misplaced):
            raise _otherwise(shape, where)
        last, end = kinds[-1:], max(end, at + window.rfind(b"]"))
        rest()
    if expected.take(1):
        raise _otherwise(shape, where)
    flat[bytes(data[:window_bytes]).index(b"[")], flat[end] = b"[]"
    return flat


def _otherwise(shape: Shape, where: str) -> InvalidRequest:
    return InvalidRequest(f"data is not nested as shape {list(shape)} says", where)


class _Expected:
    """The brackets and commas of a shape, one after the other."""

    def __init__(self, shape: Shape) -> None:
        self._further = _structure(shape)
        self._next = b""

    def take(self, size: int) -> bytes:
        """The next so many, fewer at the end."""
        while len(self._next) < size and (more := next(self._further, None)) is not None:
            self._next += more
        taken, self._next = self._next[:size], self._next[size:]
        return taken


def _structure(shape: Shape) -> Iterator[bytes]:
    """Some at a time."""
    if not shape:
        return
    size, inner = shape[0], shape[1:]
    yield b"["
    if _length(inner) > WINDOW_BYTES:
        for index in range(size):
            yield b"," if index else b""
            yield from _structure(inner)
    else:
        one = b"".join(_structure(inner))
        together = WINDOW_BYTES // (len(one) + 1) + 1
        for at in range(0, size, together):
            yield (b"," if at else b"") + b",".join([one] * min(together, size - at))
    yield b"]"


def _length(shape: Shape) -> int:
    """Of its structure, in bytes."""
    return 2 + shape[0] * _length(shape[1:]) + max(0, shape[0] - 1) if shape else 0
