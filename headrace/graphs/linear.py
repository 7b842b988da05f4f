"""Products with matrices of the file, held as exactly as a precision says, in the patterns that the CPU plug-in fuses.

The plug-in computes on compressed constants only where it meets codes -> convert -> (subtract) -> multiply -> matmul,
all constants; anything else it would unpack at load, or worse, at every step.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import openvino as ov
import openvino.opset15 as op
from numpy.typing import NDArray

from headrace.weights.checkpoint import Weight

Node = Any
"""An OpenVINO node; the library has no types to import."""

LEAST_SCALE = 1e-8
"""Keeps a row of zeros from a division by zero."""


class Precision(msgspec.Struct, frozen=True):
    """How matrices are held: their values, 8-bit codes with a scale a row, or 4-bit codes in groups along the row."""

    weights: Literal["f32", "int8", "int4"] = "f32"
    head: Literal["f32", "int8", "int4"] = "f32"  # of the last matrix, whose errors reach the answer undamped
    group: int = 64  # of int4: inputs that share a scale


def linear(x: Node, weights: Sequence[Weight], precision: Precision) -> Node:
    """x [..., in] times several matrices [out_i, in] laid one under another: [..., sum(out_i)], float32."""
    values = [weight.dense() for weight in weights]
    return op.matmul(
        x, _held(np.concatenate(values) if len(values) > 1 else values[0], precision.weights, precision), False, True
    )


def head(x: Node, weight: Weight, precision: Precision) -> Node:
    """x [..., in] times the matrix [vocabulary, in] that gives the logits."""
    return op.matmul(x, _held(weight.dense(), precision.head, precision), False, True)


def embedding(ids: Node, weight: Weight, precision: Precision) -> Node:
    """Rows of the matrix [vocabulary, hidden] by ids [...] of i64: [..., hidden], float32. Never below 8 bits."""
    kind = "f32" if precision.weights == "f32" else "int8"
    return op.gather(_held(weight.dense(), kind, precision), op.convert(ids, "i32"), op.constant(np.int64(0)))


def _held(values: NDArray[np.float32], kind: str, precision: Precision) -> Node:
    if kind == "f32":
        return op.constant(np.ascontiguousarray(values, np.float32))
    if kind == "int8" or values.shape[1] % precision.group:
        return _int8(values)
    return _int4(values, precision.group)


def _int8(values: NDArray[np.float32]) -> Node:
    """Symmetric codes, one scale a row."""
    scales = np.maximum(np.abs(values).max(axis=1, keepdims=True), LEAST_SCALE) / 127
    codes = np.clip(np.rint(values / scales), -127, 127).astype(np.int8)
    scaled = op.multiply(op.convert(op.constant(codes), "f16"), op.constant(scales.astype(np.float16)))
    return op.convert(scaled, "f32")


def _int4(values: NDArray[np.float32], group: int) -> Node:
    """Codes 0 to 15 with a scale and a whole zero point for each group along the row."""
    rows, width = values.shape
    grouped = values.reshape(rows, width // group, group)
    low = np.minimum(grouped.min(axis=2, keepdims=True), 0)
    high = np.maximum(grouped.max(axis=2, keepdims=True), 0)
    scales = np.maximum(high - low, LEAST_SCALE) / 15
    zeros = np.clip(np.rint(-low / scales), 0, 15)
    codes = np.clip(np.rint(grouped / scales) + zeros, 0, 15).astype(np.uint8)
    shifted = op.subtract(op.convert(_packed(codes), "f16"), op.convert(_packed(zeros.astype(np.uint8)), "f16"))
    scaled = op.multiply(shifted, op.constant(scales.astype(np.float16)))
    return op.convert(op.reshape(scaled, op.constant(np.array([rows, width], np.int64)), False), "f32")


def _packed(codes: NDArray[np.uint8]) -> Node:
    """A constant of u4, two codes in a byte, the first in the lower half."""
    flat = codes.reshape(-1)
    if flat.size % 2:
        flat = np.append(flat, np.uint8(0))
    tensor = ov.Tensor(ov.Type.u4, ov.Shape(list(codes.shape)))  # over an array of ours it would not hold it
    tensor.data[...] = (flat[0::2] | (flat[1::2] << 4)).reshape(tensor.data.shape)
    return op.constant(tensor)
