"""The types of an ONNX file's inputs and outputs, of which ONNX Runtime says nothing where it does not know them.

Reads protobuf by hand: no nodes, no weights, no checks; what is wrong with the file is ONNX Runtime's to say.
"""

from collections.abc import Iterator
from mmap import mmap
from pathlib import Path

from headrace.runtimes.onnx_fields import GRAPH, Field, fields, mapped, within

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

KINDS = {11: "input", 12: "output"}  # of GraphProto, each a ValueInfoProto
NAME, TYPE = 1, 2  # of ValueInfoProto
TENSOR, ELEMENT = 1, 1  # of TypeProto, and of its Tensor


def no_datatype(kind: str, name: str, type_: str) -> str:
    """Why a model is refused that has such an input or output."""
    return f"{kind} {name!r} is of type {type_}, which no protocol datatype can carry"


def uncarried(path: Path) -> str:
    """The first input or output of a type that cannot be carried, in words; empty where none is found."""
    try:
        with mapped(path) as content:
            return next(_uncarried(content), "")
    except (OSError, ValueError, IndexError):  # it is cut short, or something else
        return ""


def _uncarried(content: mmap) -> Iterator[str]:
    for graph in within(content, 0, len(content), GRAPH):
        for field in fields(content, graph.begin, graph.end):
            if (kind := KINDS.get(field.key)) and (type_ := UNCARRIED.get(_element(content, field))):
                for name in within(content, field.begin, field.end, NAME):
                    yield no_datatype(kind, content[name.begin : name.end].decode(errors="replace"), f"tensor({type_})")


def _element(content: mmap, value: Field) -> int:
    """Of a tensor, the type of its elements; else 0, which is none."""
    for type_ in within(content, value.begin, value.end, TYPE):
        for tensor in within(content, type_.begin, type_.end, TENSOR):
            for element in within(content, tensor.begin, tensor.end, ELEMENT):
                return element.number
    return 0
