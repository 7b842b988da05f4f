"""FlatBuffers written table by table, for files whose own libraries are too heavy to have."""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

ALIGNED = 4


class Table(NamedTuple):
    """Fields by number: whole numbers of 32 bits, texts, tables and lists."""

    fields: Mapping[int, "Value"]


Value = int | str | Table | Sequence[int | Table]


def flatbuffer(root: Table, identifier: bytes) -> bytes:
    """A whole file; whatever is pointed at lies behind what points at it."""
    made = bytearray(8)
    made[4:8] = identifier
    _point(made, 0, _write(made, root))
    return bytes(made)


def _write(made: bytearray, value: Value) -> int:
    """Append a value and all that it points at; returns where it begins."""
    made.extend(bytes(-len(made) % ALIGNED))
    if isinstance(value, Table):
        return _write_table(made, value)
    start = len(made)
    if isinstance(value, str):
        made.extend(struct.pack("<I", len(value)) + value.encode() + b"\0")
        return start
    assert not isinstance(value, int)
    made.extend(struct.pack(f"<I{len(value)}i", len(value), *(each if isinstance(each, int) else 0 for each in value)))
    for index, each in enumerate(value):
        if not isinstance(each, int):
            _point(made, start + 4 + 4 * index, _write(made, each))
    return start


def _write_table(made: bytearray, table: Table) -> int:
    numbers = sorted(table.fields)
    places = {number: 4 + 4 * index for index, number in enumerate(numbers)}
    slots = [places.get(number, 0) for number in range(numbers[-1] + 1 if numbers else 0)]
    layout = struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), 4 + 4 * len(numbers), *slots)
    layout += bytes(-len(layout) % ALIGNED)
    start = len(made) + len(layout)
    made.extend(layout + struct.pack("<i", len(layout)) + bytes(4 * len(numbers)))
    for number in numbers:
        value, at = table.fields[number], start + places[number]
        if isinstance(value, int):
            struct.pack_into("<i", made, at, value)
        else:
            _point(made, at, _write(made, value))
    return start


def _point(made: bytearray, at: int, target: int) -> None:
    struct.pack_into("<I", made, at, target - at)
