"""A GGUF file -> its metadata and tensors. Strict: no count or length is believed before the file is large enough, nor
where no model has so much: a file may be large and hold nothing.

The format is that of ggml's docs/gguf.md, versions 2 and 3, little-endian. Knows no architecture.
"""

import struct
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.weights.ggml_types import ggml_kind
from headrace.weights.stored import StoredWeight, map_file, stored

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32
STRING, ARRAY = 8, 9
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
"""Types of metadata by number, in the words of `struct`."""

SMALLEST_PAIR = 8 + 4 + 1
SMALLEST_TENSOR = 8 + 4 + 8 + 4 + 8
MOST_DIMENSIONS = 4

MOST_PAIRS = 1 << 16
MOST_TENSORS = 1 << 18
MOST_STRINGS = 1 << 22
"""In all arrays together: the largest vocabularies have 300,000 tokens, and twice as many merges."""

MOST_TEXT = 256 << 20
"""Bytes of all strings together."""


class GgufFile(msgspec.Struct, frozen=True):
    """One file. Arrays of numbers are numpy arrays, arrays of strings are lists."""

    metadata: dict[str, Any]
    tensors: dict[str, StoredWeight]  # shapes are [out, in]: GGUF writes them the other way round
    header: NDArray[np.uint8]  # all bytes before the tensors


class _Entry(msgspec.Struct, frozen=True):
    """A tensor as the header lists it."""

    name: str
    shape: tuple[int, ...]
    number: int  # of the type
    offset: int


def read_gguf(path: Path) -> GgufFile:
    """Read the header and map the rest. Raises ModelInvalid with the field at fault."""
    data = map_file(path)
    cursor = _Cursor(data)
    num_tensors, num_pairs = _counts(cursor)
    metadata: dict[str, Any] = {}
    for index in range(num_pairs):
        key = cursor.string(f"metadata[{index}]")
        if key in metadata:
            raise ModelInvalid("is given twice", key)
        metadata[key] = _value(cursor, key)
    entries = [_entry(cursor, index) for index in range(num_tensors)]
    alignment = _alignment(metadata)
    begin = -(-cursor.at // alignment) * alignment
    tensors: dict[str, StoredWeight] = {}
    spans: list[tuple[int, int, str]] = []
    for entry in entries:
        if entry.name in tensors:
            raise ModelInvalid("is there twice", _tensor(entry.name))
        tensors[entry.name], span = _map(entry, data, begin, alignment)
        spans.append((*span, entry.name))
    _refuse_overlaps(spans)
    return GgufFile(metadata, tensors, data[: cursor.at])


def num_weights(path: Path) -> int:
    """How many numbers its tensors have, as the header says, of which nothing else is kept. Raises ModelInvalid."""
    cursor = _Cursor(map_file(path))
    num_tensors, num_pairs = _counts(cursor)
    for index in range(num_pairs):
        where = f"metadata[{index}]"
        cursor.pass_strings(1, where)
        _pass_value(cursor, where)
    return sum(prod(_entry(cursor, index).shape) for index in range(num_tensors))


class _Cursor:
    """Where reading has come to; the one thing here that changes."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self.data = data.data  # a memoryview: slices copy nothing
        self.at = 0
        self._strings_left = MOST_STRINGS
        self._text_left = MOST_TEXT

    def left(self) -> int:
        return len(self.data) - self.at

    def scalar(self, form: str, where: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form), where))[0]

    def take(self, size: int, where: str) -> memoryview:
        if size > self.left():
            raise ModelInvalid(
                f"needs {size} bytes at {self.at}, and the file ends at {len(self.data)}: it is cut short or damaged",
                where,
            )
        self.at += size
        return self.data[self.at - size : self.at]

    def string(self, where: str) -> str:
        size = self.scalar("<Q", where)
        content = self.take(size, where)
        self._text_left -= size
        if self._text_left < 0:
            raise _too_long(size, where)
        try:
            return str(content, "utf-8")
        except UnicodeDecodeError as error:
            raise ModelInvalid(f"is not UTF-8: {error.reason}", where) from error

    def pass_strings(self, count: int, where: str) -> None:
        """Go on behind so many strings, which nobody reads."""
        data, at, end = self.data, self.at, len(self.data)
        unpack = struct.Struct("<Q").unpack_from
        for _ in range(count):
            if at + 8 > end:
                raise ModelInvalid("reaches past the end of the file", where)
            at += 8 + unpack(data, at)[0]
        self.at = at
        self.take(0, where)

    def strings(self, count: int, where: str) -> list[str]:
        """Many strings; written out, for vocabularies have hundreds of thousands."""
        if count > self._strings_left:
            raise ModelInvalid(f"has {count} strings; a file may have {MOST_STRINGS} in its arrays", where)
        self._strings_left -= count
        data, at, end, text_left = self.data, self.at, len(self.data), self._text_left
        unpack = struct.Struct("<Q").unpack_from
        found = []
        try:
            for _ in range(count):
                (size,) = unpack(data, at)
                at += 8
                if size > end - at:
                    raise ModelInvalid(f"a string of {size} bytes at {at} reaches past the end of the file", where)
                text_left -= size
                if text_left < 0:
                    raise _too_long(size, where)
                found.append(str(data[at : at + size], "utf-8"))
                at += size
        except struct.error as error:
            raise ModelInvalid(f"has {count} strings, and the file ends after {len(found)}", where) from error
        except UnicodeDecodeError as error:
            raise ModelInvalid(f"string {len(found)} is not UTF-8: {error.reason}", where) from error
        self.at, self._text_left = at, text_left
        return found


def _too_long(size: int, where: str) -> ModelInvalid:
    return ModelInvalid(f"has a string of {size} bytes; a file may have {MOST_TEXT} in all its strings", where)


def _counts(cursor: _Cursor) -> tuple[int, int]:
    """How many tensors and pairs of metadata the file says it has."""
    magic = bytes(cursor.take(4, "magic"))
    if magic != MAGIC:
        raise ModelInvalid(f"must be {MAGIC!r}, is {magic!r}: this is no GGUF file", "magic")
    version = cursor.scalar("<I", "version")
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in VERSIONS
        raise ModelInvalid(f"must be 2 or 3, is {'big-endian' if swapped else version}", "version")
    num_tensors = cursor.scalar("<Q", "tensor_count")
    num_pairs = cursor.scalar("<Q", "metadata_kv_count")
    for name, count, smallest, most in (
        ("tensor_count", num_tensors, SMALLEST_TENSOR, MOST_TENSORS),
        ("metadata_kv_count", num_pairs, SMALLEST_PAIR, MOST_PAIRS),
    ):
        if count > cursor.left() // smallest:
            raise ModelInvalid(f"is {count}, more than a file of this size can hold", name)
        if count > most:
            raise ModelInvalid(f"is {count}, more than {most}, the most that is read", name)
    return num_tensors, num_pairs


def _value(cursor: _Cursor, key: str) -> Any:
    number = cursor.scalar("<I", key)
    if number == STRING:
        return cursor.string(key)
    if number == ARRAY:
        return _array(cursor, key)
    if number not in SCALARS:
        raise ModelInvalid(f"has the type {number}, which GGUF does not have", key)
    return cursor.scalar(SCALARS[number], key)


def _pass_value(cursor: _Cursor, where: str) -> None:
    number, count = cursor.scalar("<I", where), 1
    if number == ARRAY:
        number, count = cursor.scalar("<I", where), cursor.scalar("<Q", where)
    if number == STRING:
        cursor.pass_strings(count, where)
    elif number in SCALARS:
        cursor.take(count * struct.calcsize(SCALARS[number]), where)
    else:
        raise ModelInvalid(f"has the type {number}, which GGUF does not have", where)


def _array(cursor: _Cursor, key: str) -> Any:
    number = cursor.scalar("<I", key)
    count = cursor.scalar("<Q", key)
    if number == STRING:
        if count > cursor.left() // 8:
            raise ModelInvalid(f"has {count} strings, more than a file of this size can hold", key)
        return cursor.strings(count, key)
    if number == ARRAY:
        raise ModelInvalid("is an array of arrays, which is not supported", key)
    if number not in SCALARS:
        raise ModelInvalid(f"is an array of the type {number}, which GGUF does not have", key)
    kind = np.dtype(SCALARS[number])
    return np.frombuffer(cursor.take(count * kind.itemsize, key), kind)


def _alignment(metadata: dict[str, Any]) -> int:
    alignment = metadata.get("general.alignment", ALIGNMENT)
    if not isinstance(alignment, int) or alignment not in {1 << power for power in range(3, 17)}:
        raise ModelInvalid(f"must be a power of two from 8 to 65536, is {alignment!r:.80}", "general.alignment")
    return alignment


def _entry(cursor: _Cursor, index: int) -> _Entry:
    name = cursor.string(f"tensors[{index}]")
    where = _tensor(name)
    num_dimensions = cursor.scalar("<I", where)
    if not 1 <= num_dimensions <= MOST_DIMENSIONS:
        raise ModelInvalid(f"must have 1 to {MOST_DIMENSIONS} dimensions, has {num_dimensions}", where)
    shape = tuple(cursor.scalar("<Q", where) for _ in range(num_dimensions))
    return _Entry(name, shape[::-1], cursor.scalar("<I", where), cursor.scalar("<Q", where))


def _map(entry: _Entry, data: NDArray[np.uint8], begin: int, alignment: int) -> tuple[StoredWeight, tuple[int, int]]:
    """The tensor over its bytes, and where these begin and end in the file."""
    where = _tensor(entry.name)
    kind = ggml_kind(entry.number, where)
    if 0 in entry.shape or entry.shape[-1] % kind.values:
        raise ModelInvalid(
            f"has the shape {list(entry.shape)}; rows of {kind.name} are multiples of {kind.values}", where
        )
    size = kind.size
    for dimension in entry.shape:
        size *= dimension
    size //= kind.values
    if entry.offset % alignment:
        raise ModelInvalid(f"offset {entry.offset} is no multiple of the alignment, {alignment}", where)
    first = begin + entry.offset
    if first + size > len(data):
        raise ModelInvalid(
            f"lies at {first} to {first + size}, past the end of the file at {len(data)}: it is truncated", where
        )
    return stored(kind, entry.shape, data[first : first + size], where), (first, first + size)


def _refuse_overlaps(spans: list[tuple[int, int, str]]) -> None:
    end, previous = 0, ""
    for begin, next_end, name in sorted(spans):
        if begin < end:
            raise ModelInvalid(f"overlaps with {previous}", _tensor(name))
        end, previous = next_end, name


def _tensor(name: str) -> str:
    return f"tensors[{name[:200]}]"
