"""Products with matrices of the file, held as exactly as a precision says, in the patterns that the CPU plug-in fuses.

The plug-in computes on compressed constants only where it meets codes -> convert -> multiply -> matmul, all
constants; anything else it would unpack at load, or worse, at every step. Codes in panels for tiles have operations of
our own (`headrace/kernels`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import openvino as ov
import openvino.opset15 as op
from numpy.typing import NDArray

from headrace.graphs.nodes import f32
from headrace.graphs.rounding import group_codes, row_codes
from headrace.kernels import operations
from headrace.kernels.codes4 import Read
from headrace.kernels.halves import nearest
from headrace.kernels.operations import Bend, Matrix
from headrace.weights.checkpoint import Weight

Node = operations.Node

Form = Literal["f32", "bf16", "int8", "int4", "tiles32", "tiles8", "tiles8x8", "tiles4"]
"""The last four are multiplied by our own kernels: float32 as two bfloat16 halves, 8-bit codes as int8 with numbers
rounded to 16 bits, or to 8, and 4-bit ones with a factor and a base for 32."""


class Precision(msgspec.Struct, frozen=True):
    """How matrices are held: as numbers, 8-bit codes with a scale a row, or 4-bit codes in groups along the row.

    The feed-forward halves of the first and last layers end with products that make the few numbers that outgrow all
    others; what is lost of these is lost everywhere.
    """

    weights: Form = "f32"
    head: Form = "f32"  # of the last matrix, whose errors reach the answer undamped
    group: int = 64  # of int4: inputs that share a scale
    edges: Form | None = None  # of what those halves end with; None: as `weights`
    library: Path | None = None  # of the kernels, which the forms of tiles need

    def ending(self, layer: int, num_layers: int) -> "Precision":
        """Of the last matrix of a layer's feed-forward half; the first and last are an eighth of the layers each."""
        edge = max(1, num_layers // 8)
        if self.edges is None or edge <= layer < num_layers - edge:
            return self
        return msgspec.structs.replace(self, weights=self.edges)


ROWS_OF: Mapping[Form, Form] = {"int4": "int8", "tiles32": "f32"}
"""How rows that are looked up are held, where that is not as matrices are."""


def linear(x: Node, weights: Sequence[Weight], precision: Precision, bias: NDArray[np.float32] | None = None) -> Node:
    """x [..., in] times several matrices [out_i, in] laid one under another, plus bias where there is one:
    [..., sum(out_i)], float32."""
    if precision.weights == "tiles32":
        bias = np.zeros(sum(weight.shape[0] for weight in weights), np.float32) if bias is None else bias
        return operations.float_product(_library(precision), x, _reader(weights), weights[0].shape[1], bias)
    if precision.weights in ("tiles8", "tiles8x8"):
        narrow = precision.weights == "tiles8x8"
        return operations.product(_library(precision), x, operations.matrix(*coded(weights)), bias, narrow)
    if precision.weights == "tiles4":
        rows, width = sum(weight.shape[0] for weight in weights), weights[0].shape[1]
        return operations.product(_library(precision), x, operations.matrix4(_reader(weights), rows, width), bias)
    product = op.matmul(x, _held(weights, precision.weights, precision.group), False, True)
    return product if bias is None else op.add(product, f32(bias))


def gated(x: Node, gate: Weight, other: Weight, bend: Bend, precision: Precision) -> Node | None:
    """bend(gate x) * other x of x [..., in]: [..., out], float32; None where no one operation computes it."""
    if precision.weights == "tiles8":
        held = operations.gated_matrix(row_codes(gate), row_codes(other))
    elif precision.weights == "tiles4":
        held = operations.gated_matrix4(_reader([gate]), _reader([other]), *gate.shape)
    else:
        return None
    return operations.gated_product(_library(precision), x, held, bend)


def activate(x: Node, activation: Bend, precision: Precision) -> Node:
    """Its bend; within the product that x is, where that is a kernel of ours."""
    if precision.library is not None and (bent := operations.bent(precision.library, x, activation)) is not None:
        return bent
    if activation == "silu":
        return op.swish(x)
    return op.gelu(x, "tanh" if activation == "gelu_tanh" else "erf")


def sum_of(x: Node, found: Node, precision: Precision) -> Node:
    """x + found; within the product that found is, where that is a kernel of ours."""
    return op.add(x, found) if precision.library is None else operations.added(precision.library, x, found)


class Vocabulary:
    """A matrix [vocabulary, hidden] that gives the rows of tokens, the logits, or both; rounded and held once."""

    def __init__(self, weight: Weight, precision: Precision) -> None:
        self._weight = weight
        self._precision = precision
        self._codes: tuple[Node, Node] | None = None
        self._matrix: Matrix | None = None

    def logits(self, x: Node) -> Node:
        """x [..., hidden] times the matrix: [..., vocabulary], float32."""
        if self._precision.head == "tiles8":
            return operations.product(_library(self._precision), x, self._panels())
        return op.matmul(x, self._held(self._precision.head, self._precision.group), False, True)

    def rows(self, ids: Node) -> Node:
        """Rows by ids [...] of i64: [..., hidden], float32. Never below 8 bits."""
        if self._precision.head == "tiles8":
            return operations.rows(_library(self._precision), op.convert(ids, "i32"), self._panels())
        form = ROWS_OF.get(self._precision.weights, self._precision.weights)
        return op.gather(self._held(form, 0), op.convert(ids, "i32"), op.constant(np.int64(0)))

    def _panels(self) -> Matrix:
        if self._matrix is None:
            self._matrix = operations.matrix(*row_codes(self._weight))
        return self._matrix

    def _held(self, form: Form, group: int) -> Node:
        if form != "int8":
            return _held([self._weight], form, group)
        if self._codes is None:
            self._codes = _row_codes([self._weight])
        return _scaled(*self._codes)


def _held(weights: Sequence[Weight], form: Form, group: int) -> Node:
    """The matrices one under another as a float32 node, whose constants are of that form."""
    if form == "f32":
        return op.constant(_stacked([weight.dense() for weight in weights]))
    if form == "bf16":
        return op.convert(_bf16(_stacked([weight.dense() for weight in weights])), "f32")
    if form == "int4" and weights[0].shape[1] % group == 0:
        return _grouped_codes([group_codes(weight, group) for weight in weights])
    return _scaled(*_row_codes(weights))


def _row_codes(weights: Sequence[Weight]) -> tuple[Node, Node]:
    """Two constants: codes of 8 bits, and a scale a row."""
    codes, scales = coded(weights)
    return op.constant(codes), op.constant(scales.astype(np.float16))


def coded(weights: Sequence[Weight]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes of 8 bits, and a scale a row, of all of them."""
    codes, scales = (_stacked(arrays) for arrays in zip(*map(row_codes, weights), strict=True))
    return codes, scales


def _reader(weights: Sequence[Weight]) -> Read:
    """What gives rows of the matrices one under another."""

    def read(begin: int, end: int) -> NDArray[np.float32]:
        parts, first = [], 0
        for weight in weights:
            cut = max(0, begin - first), min(weight.shape[0], end - first)
            if cut[0] < cut[1]:
                parts.append(weight.cut(*cut).dense())
            first += weight.shape[0]
        return _stacked(parts)

    return read


def _library(precision: Precision) -> Path:
    assert precision.library is not None
    return precision.library


def _scaled(codes: Node, scales: Node) -> Node:
    return op.convert(op.multiply(op.convert(codes, "f16"), scales), "f32")


def _grouped_codes(parts: Sequence[tuple[NDArray[np.int8], NDArray[np.float32]]]) -> Node:
    codes, scales = (_stacked(arrays) for arrays in zip(*parts, strict=True))
    scaled = op.multiply(op.convert(_packed(codes), "f16"), op.constant(scales.astype(np.float16)))
    shape = np.array([codes.shape[0], codes.shape[1] * codes.shape[2]], np.int64)
    return op.convert(op.reshape(scaled, op.constant(shape), False), "f32")


def _stacked(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.ascontiguousarray(parts[0]) if len(parts) == 1 else np.concatenate(parts)


def _bf16(values: NDArray[np.float32]) -> Node:
    """A constant rounded to the nearest, ties to even."""
    tensor = ov.Tensor(ov.Type.bf16, ov.Shape(list(values.shape)))
    tensor.data.view(np.uint16)[...] = nearest(values)
    return op.constant(tensor)


def _packed(codes: NDArray[np.int8]) -> Node:
    """A constant of i4, two codes in a byte, the first in the lower half; their number is even."""
    pairs = codes.view(np.uint8).reshape(-1, 2)
    tensor = ov.Tensor(ov.Type.i4, ov.Shape(list(codes.shape)))  # over an array of ours it would not hold it
    packed = tensor.data.view(np.uint8)
    packed[...] = ((pairs[:, 0] & 15) | (pairs[:, 1] << 4)).reshape(packed.shape)
    return op.constant(tensor)
