"""The fields of an ONNX file's messages, where they lie: protobuf by hand, for files too large to be taken in."""

from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

GRAPH = 7  # of ModelProto
NODE = 1  # of GraphProto


class Field(NamedTuple):
    """One field of a message: a number, or where its bytes lie."""

    key: int
    number: int
    begin: int
    end: int


@contextmanager
def mapped(path: Path) -> Iterator[mmap]:
    """A file's bytes where they lie. Raises OSError where there are none, and ValueError for an empty file."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        yield content


def nodes(content: mmap) -> Iterator[Field]:
    """Those of the file's graph. Raises as `fields`."""
    for graph in within(content, 0, len(content), GRAPH):
        yield from within(content, graph.begin, graph.end, NODE)


def within(content: mmap, begin: int, end: int, key: int) -> Iterator[Field]:
    """Those of this key, of the message that lies there. Raises ValueError or IndexError where none does."""
    return (field for field in fields(content, begin, end) if field.key == key)


def fields(content: mmap, begin: int, end: int) -> Iterator[Field]:
    """Of the message that lies there. Raises ValueError or IndexError where none does."""
    at = begin
    while at < end:
        tag, at = varint(content, at)
        number = size = 0
        match tag & 7:
            case 0:
                number, at = varint(content, at)
            case 1:
                size = 8
            case 2:
                size, at = varint(content, at)
            case 5:
                size = 4
            case wire:
                raise ValueError(f"{wire} is no wire type")
        if at + size > end or tag < 8:  # a file of zeros would be nothing but fields of no number
            raise ValueError("it is cut short, or no message")
        yield Field(tag >> 3, number, at, at + size)
        at += size


def varint(content: mmap, at: int) -> tuple[int, int]:
    """A number, and where what follows it begins. Raises ValueError or IndexError where none lies there."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("it is longer than any number")
