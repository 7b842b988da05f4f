"""Unsigned weights are written as signed ones wherever that gives the same answers, and nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from headrace.runtimes.onnx_signed import FASTER, signed
from tests.models.onnx_models import graph, node, save, value

Constants = dict[str, NDArray[Any]]
RANDOM = np.random.default_rng(0)
WEIGHT = RANDOM.integers(0, 256, (6, 5)).astype(np.uint8)
FILTER = RANDOM.integers(0, 256, (5, 6, 1, 1)).astype(np.uint8)
SCALE, ZERO = np.array(0.5, np.float32), np.array(131, np.uint8)
BOTH: Constants = {"scale": SCALE, "zero": ZERO}
EACH: Constants = {"scale": RANDOM.random(5).astype(np.float32), "zero": RANDOM.integers(0, 256, 5).astype(np.uint8)}
MICROSOFT = "com.microsoft"

FROM_FLOATS: dict[str, tuple[list[onnx.NodeProto], Constants]] = {
    "MatMulInteger": (
        [
            node("DynamicQuantizeLinear", "INPUT", "bytes of at"),
            node("MatMulInteger", "bytes weight at zero", "sum"),
            node("Cast", "sum", "OUTPUT", to=TensorProto.FLOAT),
        ],
        {"weight": WEIGHT, "zero": EACH["zero"]},
    ),
    "MatMulInteger without a zero point": (
        [
            node("DynamicQuantizeLinear", "INPUT", "bytes of at"),
            node("MatMulInteger", "bytes weight at", "sum"),
            node("Cast", "sum", "OUTPUT", to=TensorProto.FLOAT),
        ],
        {"weight": WEIGHT},
    ),
    "QLinearMatMul": (
        [
            node("QuantizeLinear", "INPUT scale zero", "bytes"),
            node("QLinearMatMul", "bytes scale zero weight scale zero scale zero", "sum"),
            node("DequantizeLinear", "sum scale zero", "OUTPUT"),
        ],
        {"weight": WEIGHT, **BOTH},
    ),
    "DynamicQuantizeMatMul": (
        [node("DynamicQuantizeMatMul", "INPUT weight scale zero", "OUTPUT", MICROSOFT)],
        {"weight": WEIGHT, **EACH},
    ),
    "MatMulIntegerToFloat": (
        [
            node("DynamicQuantizeLinear", "INPUT", "bytes of at"),
            node("MatMulIntegerToFloat", "bytes weight of scale at zero", "OUTPUT", MICROSOFT),
        ],
        {"weight": WEIGHT, **BOTH},
    ),
    "QGemm": (
        [
            node("QuantizeLinear", "INPUT scale zero", "bytes"),
            node("QGemm", "bytes scale zero weight scale zero", "OUTPUT", MICROSOFT),
        ],
        {"weight": WEIGHT, **BOTH},
    ),
    "DequantizeLinear": (
        [
            node("QuantizeLinear", "INPUT scale zero", "bytes"),
            node("DequantizeLinear", "bytes scale zero", "floats"),
            node("DequantizeLinear", "weight scales zeros", "weights", axis=1),
            node("MatMul", "floats weights", "OUTPUT"),
        ],
        {"weight": WEIGHT, "scales": EACH["scale"], "zeros": EACH["zero"], **BOTH},
    ),
    "DequantizeLinear without a zero point": (
        [node("DequantizeLinear", "weight scales", "weights", axis=1), node("MatMul", "INPUT weights", "OUTPUT")],
        {"weight": WEIGHT, "scales": EACH["scale"]},
    ),
}
OF_IMAGES: dict[str, tuple[list[onnx.NodeProto], Constants]] = {
    "ConvInteger": (
        [
            node("DynamicQuantizeLinear", "INPUT", "bytes of at"),
            node("ConvInteger", "bytes weight at zero", "sum"),
            node("Cast", "sum", "OUTPUT", to=TensorProto.FLOAT),
        ],
        {"weight": FILTER, "zero": ZERO},
    ),
    "QLinearConv": (
        [
            node("QuantizeLinear", "INPUT scale zero", "bytes"),
            node("QLinearConv", "bytes scale zero weight scale zero scale zero", "sum"),
            node("DequantizeLinear", "sum scale zero", "OUTPUT"),
        ],
        {"weight": FILTER, **BOTH},
    ),
}


def made(
    nodes: list[onnx.NodeProto], constants: Constants, dims: tuple[int | str, ...] = ("rows", 6)
) -> onnx.ModelProto:
    return graph(nodes, [value("INPUT", "FP32", dims)], [value("OUTPUT", "FP32", None)], constants, opset=21)


def answer(model: Path | bytes, x: NDArray[np.float32]) -> NDArray[Any]:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["OUTPUT"], {"INPUT": x})[0])


def types(content: bytes) -> dict[str, int]:
    """Of the weights of a file, their datatypes."""
    return {each.name: each.data_type for each in onnx.load_from_string(content).graph.initializer}


def held_to_it(model: onnx.ModelProto, x: NDArray[np.float32], folder: Path) -> None:
    path = save(model, folder)
    content = signed(path, FASTER)
    assert content is not None
    assert types(content)["weight"] == TensorProto.INT8
    assert np.array_equal(answer(content, x), answer(path, x))


@pytest.mark.parametrize("operator", FROM_FLOATS)
def test_products_are_the_same(operator: str, tmp_path: Path) -> None:
    nodes, constants = FROM_FLOATS[operator]
    held_to_it(made(nodes, constants), RANDOM.standard_normal((7, 6)).astype(np.float32), tmp_path)


@pytest.mark.parametrize("operator", OF_IMAGES)
def test_convolutions_are_the_same(operator: str, tmp_path: Path) -> None:
    nodes, constants = OF_IMAGES[operator]
    x = RANDOM.standard_normal((2, 6, 3, 3)).astype(np.float32)
    held_to_it(made(nodes, constants, ("rows", 6, 3, 3)), x, tmp_path)


def test_numbers_that_are_no_raw_bytes_are_read(tmp_path: Path) -> None:
    model = made(*FROM_FLOATS["MatMulInteger"])
    for each in model.graph.initializer:
        numbers = numpy_helper.to_array(each)
        each.ClearField("raw_data")
        each.int32_data.extend(int(number) for number in numbers.ravel())
    held_to_it(model, RANDOM.standard_normal((7, 6)).astype(np.float32), tmp_path)


def test_a_zero_point_that_others_use_stays_for_them(tmp_path: Path) -> None:
    path = save(made(*FROM_FLOATS["QLinearMatMul"]), tmp_path)
    content = signed(path, FASTER)
    assert content is not None
    assert types(content) == {
        "weight": TensorProto.INT8,
        "scale": TensorProto.FLOAT,
        "zero": TensorProto.UINT8,
        "zero/signed zero": TensorProto.INT8,
    }


def test_a_weight_that_others_read_as_it_is_stays(tmp_path: Path) -> None:
    nodes, constants = FROM_FLOATS["MatMulInteger"]
    cast = node("Cast", "weight", "OTHER", to=TensorProto.FLOAT)
    model = made([*nodes, cast], constants)
    model.graph.output.append(value("OTHER", "FP32", (6, 5)))
    assert signed(save(model, tmp_path), FASTER) is None


def test_so_does_one_that_a_graph_within_reads(tmp_path: Path) -> None:
    nodes, constants = FROM_FLOATS["MatMulInteger"]
    inner = onnx.helper.make_graph(
        [node("Cast", "weight", "inner", to=TensorProto.FLOAT)], "inner", [], [value("inner", "FP32", (6, 5))]
    )
    chosen = node("If", "which", "OTHER", then_branch=inner, else_branch=inner)
    model = made([*nodes, chosen], {**constants, "which": np.array(True)})
    assert signed(save(model, tmp_path), FASTER) is None


def test_so_does_one_that_a_request_may_bring(tmp_path: Path) -> None:
    model = made(*FROM_FLOATS["MatMulInteger"])
    model.graph.input.append(value("weight", "UINT8", (6, 5)))
    assert signed(save(model, tmp_path), FASTER) is None


def test_so_does_one_whose_zero_point_is_computed(tmp_path: Path) -> None:
    nodes, constants = FROM_FLOATS["MatMulInteger"]
    given = constants | {"given": constants["zero"]}
    del given["zero"]
    assert signed(save(made([node("Identity", "given", "zero"), *nodes], given), tmp_path), FASTER) is None


def test_signed_weights_and_floats_stay(tmp_path: Path) -> None:
    nodes, constants = FROM_FLOATS["MatMulInteger"]
    as_signed = {name: each.view(np.int8) for name, each in constants.items()}
    assert signed(save(made(nodes, as_signed), tmp_path), FASTER) is None
    plain = made([node("MatMul", "INPUT weight", "OUTPUT")], {"weight": WEIGHT.astype(np.float32)})
    assert signed(save(plain, tmp_path), FASTER) is None


def test_a_processor_for_which_unsigned_ones_are_right_gets_them(tmp_path: Path) -> None:
    assert signed(save(made(*FROM_FLOATS["MatMulInteger"]), tmp_path), ("avx2", "avx512f")) is None
