"""Whole numbers as protobuf writes them ("Base 128 Varints" of its encoding), for messages that are written by hand."""

_SMALL = [bytes((number,)) for number in range(128)]


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last have the highest bit set. `value` is at least 0."""
    if value < 128:
        return _SMALL[value]
    coded = bytearray()
    while value >= 128:
        coded.append(value & 127 | 128)
        value >>= 7
    coded.append(value)
    return bytes(coded)
