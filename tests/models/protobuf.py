"""Protocol buffers written field by field, for files whose own libraries are too heavy to have."""

import struct


def message(field: int, content: bytes) -> bytes:
    """A message, bytes or text."""
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def entry(field: int, key: bytes, value: bytes) -> bytes:
    """An entry of a map."""
    return message(field, message(1, key) + message(2, value))


def number(field: int, value: int) -> bytes:
    """A whole number, a truth value or a name of an enumeration."""
    return _varint(field << 3) + _varint(value % (1 << 64))


def real(field: int, value: float) -> bytes:
    """A float of 32 bits."""
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
