"""The types of an ONNX file's inputs and outputs, of which ONNX Runtime says nothing where it does not know them.

Reads protobuf by hand: no nodes, no weights, no checks; what is wrong with the file is ONNX Runtime's to say.
"""

from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

UNCARRIED = {
    14: "complex64",
    15: "complex128",
    17: "float8e4m3fn",
    18: "float8e4m3fnuz",
    19: "float8e5m2",
    20: "float8e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4e2m1",
    24: "float8e8m0",
    25: "uint2",
    26: "int2",
}
"""TensorProto.DataType that no protocol datatype can carry, by number, in ONNX Runtime's words."""

GRAPH = 7  # of ModelProto
KINDS = {11: "input", 12: "output"}  # of GraphProto, each a ValueInfoProto
NAME, TYPE = 1, 2  # of ValueInfoProto
TENSOR, ELEMENT = 1, 1  # of TypeProto, and of its Tensor


class _Field(NamedTuple):
    """One field of a message: a number, or where its bytes lie."""

    key: int
    number: int
    begin: int
    end: int


def no_datatype(kind: str, name: str, type_: str) -> str:
    """Why a model is refused that has such an input or output."""
    return f"{kind} {name!r} is of type {type_}, which no protocol datatype can carry"


def uncarried(path: Path) -> str:
    """The first input or output of a type that cannot be carried, in words; empty where none is found."""
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            return next(_uncarried(content), "")
    except (OSError, ValueError, IndexError):  # it is cut short, or something else
        return ""


def _uncarried(content: mmap) -> Iterator[str]:
    for graph in _within(content, 0, len(content), GRAPH):
        for field in _fields(content, graph.begin, graph.end):
            if (kind := KINDS.get(field.key)) and (type_ := UNCARRIED.get(_element(content, field))):
                for name in _within(content, field.begin, field.end, NAME):
                    yield no_datatype(kind, content[name.begin : name.end].decode(errors="replace"), f"tensor({type_})")


def _element(content: mmap, value: _Field) -> int:
    """Of a tensor, the type of its elements; else 0, which is none."""
    for type_ in _within(content, value.begin, value.end, TYPE):
        for tensor in _within(content, type_.begin, type_.end, TENSOR):
            for element in _within(content, tensor.begin, tensor.end, ELEMENT):
                return element.number
    return 0


def _within(content: mmap, begin: int, end: int, key: int) -> Iterator[_Field]:
    return (field for field in _fields(content, begin, end) if field.key == key)


def _fields(content: mmap, begin: int, end: int) -> Iterator[_Field]:
    """Of the message that lies there. Raises ValueError or IndexError where none does."""
    at = begin
    while at < end:
        tag, at = _varint(content, at)
        number = size = 0
        match tag & 7:
            case 0:
                number, at = _varint(content, at)
            case 1:
                size = 8
            case 2:
                size, at = _varint(content, at)
            case 5:
                size = 4
            case wire:
                raise ValueError(f"{wire} is no wire type")
        if at + size > end or tag < 8:  # a file of zeros would be nothing but fields of no number
            raise ValueError("it is cut short, or no message")
        yield _Field(tag >> 3, number, at, at + size)
        at += size


def _varint(content: mmap, at: int) -> tuple[int, int]:
    """A number, and where what follows it begins."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("it is longer than any number")
