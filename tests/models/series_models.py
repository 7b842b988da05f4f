"""Small ONNX models over series of any length, one trait each: some may be padded, some may not."""

import numpy as np
import onnx
from onnx import TensorProto

from tests.models.onnx_models import graph, node, one_node, value

SERIES = ("batch", "steps", 3)


def reduced(operator: str) -> onnx.ModelProto:
    """OUTPUT is INPUT, reduced over its steps."""
    return one_node(operator, dims=SERIES, out_dims=("batch", 3), keepdims=0, axes=[1])


def total() -> onnx.ModelProto:
    """OUTPUT is the sum of INPUT's steps."""
    return graph(
        [node("ReduceSum", "INPUT second", "OUTPUT", keepdims=0)],
        [value("INPUT", "FP32", SERIES)],
        [value("OUTPUT", "FP32", ("batch", 3))],
        {"second": np.array([1])},
    )


def furthest() -> onnx.ModelProto:
    """OUTPUT is the largest distance of INPUT's steps from a place that usual ones are near, and padding is not."""
    return graph(
        [
            node("Sub", "INPUT place", "apart"),
            node("Mul", "apart apart", "squares"),
            node("ReduceSum", "squares last", "distances", keepdims=0),
            node("ReduceMax", "distances", "OUTPUT", axes=[1], keepdims=1),
        ],
        [value("INPUT", "FP32", SERIES)],
        [value("OUTPUT", "FP32", ("batch", 1))],
        {"place": np.array([1, -1, 1], np.float32), "last": np.array([2])},
    )


def last_steps(number: int) -> onnx.ModelProto:
    """OUTPUT is the sum of so many of INPUT's steps, the last ones."""
    return graph(
        [node("Slice", "INPUT from end second", "last"), node("ReduceSum", "last second", "OUTPUT", keepdims=0)],
        [value("INPUT", "FP32", SERIES)],
        [value("OUTPUT", "FP32", ("batch", 3))],
        {"from": np.array([-number]), "end": np.array([1 << 31]), "second": np.array([1])},
    )


def doubled_past(number: int) -> onnx.ModelProto:
    """OUTPUT is INPUT, but twice as much of series of more than so many steps."""
    return graph(
        [
            node("Shape", "INPUT", "steps", start=1, end=2),
            node("Greater", "steps number", "long"),
            node("Where", "long two one", "times"),
            node("Mul", "INPUT times", "OUTPUT"),
        ],
        [value("INPUT", "FP32", SERIES)],
        [value("OUTPUT", "FP32", SERIES)],
        {"number": np.array([number]), "two": np.array([2], np.float32), "one": np.array([1], np.float32)},
    )


def placed(most: int) -> onnx.ModelProto:
    """OUTPUT is INPUT and a number for each place; there are so many places."""
    return graph(
        [
            node("Shape", "INPUT", "steps", start=1, end=2),
            node("Squeeze", "steps", "length"),
            node("Range", "zero length one", "places"),
            node("Gather", "table places", "numbers"),
            node("Add", "INPUT numbers", "OUTPUT"),
        ],
        [value("INPUT", "FP32", SERIES)],
        [value("OUTPUT", "FP32", SERIES)],
        {
            "zero": np.array(0),
            "one": np.array(1),
            "table": np.linspace(0, 1, most * 3, dtype=np.float32).reshape(most, 3),
        },
    )


def each_step(operator: str = "Tanh") -> onnx.ModelProto:
    """OUTPUT is of INPUT, step by step."""
    return one_node(operator, dims=SERIES, out_dims=SERIES)


def masked_mean(inverted: bool = False) -> onnx.ModelProto:
    """POOLED is the mean of INPUT's steps where the mask says so, STEPS what it is made of."""
    real = [node("Sub", "one float", "real")] if inverted else [node("Identity", "float", "real")]
    return graph(
        [
            node("Cast", "STEP_MASK", "float", to=TensorProto.FLOAT),
            *real,
            node("Unsqueeze", "real last", "weight"),
            node("Mul", "INPUT weight", "STEPS"),
            node("ReduceSum", "STEPS second", "total", keepdims=0),
            node("ReduceSum", "weight second", "count", keepdims=0),
            node("Div", "total count", "POOLED"),
        ],
        [value("INPUT", "FP32", SERIES), value("STEP_MASK", "INT64", ("batch", "steps"))],
        [value("POOLED", "FP32", ("batch", 3)), value("STEPS", "FP32", SERIES)],
        {"last": np.array([2]), "second": np.array([1]), "one": np.array(1, np.float32)},
    )


def pairs() -> onnx.ModelProto:
    """OUTPUT is the product of each two steps."""
    return graph(
        [node("Transpose", "INPUT", "turned", perm=[0, 2, 1]), node("MatMul", "INPUT turned", "OUTPUT")],
        [value("INPUT", "FP32", SERIES)],
        [value("OUTPUT", "FP32", ("batch", "steps", "steps"))],
    )


def halved() -> onnx.ModelProto:
    """OUTPUT is the larger of each two steps."""
    return one_node("MaxPool", dims=("batch", 3, "steps"), out_dims=("batch", 3, "half"), kernel_shape=[2], strides=[2])


def deaf() -> onnx.ModelProto:
    """OUTPUT is zeros, whatever INPUT is."""
    return graph(
        [node("Mul", "INPUT nothing", "OUTPUT")],
        [value("INPUT", "FP32", SERIES)],
        [value("OUTPUT", "FP32", SERIES)],
        {"nothing": np.array(0, np.float32)},
    )


def quantised_mean() -> onnx.ModelProto:
    """OUTPUT is the mean of INPUT's steps, bounded, in 8 bits: padding keeps its direction, and halves its length."""
    return graph(
        [
            node("Tanh", "INPUT", "bounded"),  # else a row of large numbers would leave nothing of the others
            node("DynamicQuantizeLinear", "bounded", "quantised by zero"),
            node("DequantizeLinear", "quantised by zero", "rounded"),
            node("ReduceMean", "rounded", "OUTPUT", axes=[1], keepdims=0),
        ],
        [value("INPUT", "FP32", SERIES)],
        [value("OUTPUT", "FP32", ("batch", 3))],
    )


def quantised_steps() -> onnx.ModelProto:
    """OUTPUT is each step, bounded, times a matrix of 8 bits, by a scale that is taken over all rows."""
    weights = np.random.default_rng(0).integers(-127, 128, (3, 3)).astype(np.int8)
    return graph(
        [
            node("Tanh", "INPUT", "bounded"),  # else a row of large numbers would leave nothing of the others
            node("DynamicQuantizeLinear", "bounded", "quantised by zero"),
            node("MatMulInteger", "quantised weights zero", "product"),
            node("Cast", "product", "float", to=TensorProto.FLOAT),
            node("Mul", "float by", "scaled"),
            node("Mul", "scaled scale", "OUTPUT"),
        ],
        [value("INPUT", "FP32", SERIES)],
        [value("OUTPUT", "FP32", SERIES)],
        {"weights": weights, "scale": np.array(0.02, np.float32)},
    )
