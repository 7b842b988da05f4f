"""Normalisation along the last axis."""

from pathlib import Path

import numpy as np
import openvino.opset15 as op
from numpy.typing import NDArray

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64
from headrace.kernels import operations


def rms_norm(x: Node, weight: NDArray[np.float32], eps: float, library: Path | None = None) -> Node:
    """x [..., n] over its root mean square, times weight [n] (Zhang and Sennrich, arXiv 1910.07467).

    By the library's kernel where there is one, else written as the plug-in's fusion expects it: power, mean, add, sqrt,
    divide, multiply, multiply.
    """
    if library is not None:
        return operations.norm(library, x, f32(weight), eps)
    mean_square = op.reduce_mean(op.power(x, f32(2.0)), i64([-1]), True)
    inverse = op.divide(f32(1.0), op.sqrt(op.add(mean_square, f32(eps))))
    return op.multiply(op.multiply(x, inverse), f32(weight))


def layer_norm(
    x: Node, weight: NDArray[np.float32], bias: NDArray[np.float32] | None, eps: float, library: Path | None = None
) -> Node:
    """x [..., n] less its mean, over its standard deviation, times weight [n], plus bias [n] (arXiv 1607.06450); by the
    library's kernel where there is one and a bias."""
    if library is not None and bias is not None:
        return operations.layer_norm(library, x, f32(weight), f32(bias), eps)
    scaled = op.multiply(op.mvn(x, i64([-1]), True, eps, "inside_sqrt"), f32(weight))
    return scaled if bias is None else op.add(scaled, f32(bias))
