"""Products, sums and norms are told by what they compute."""

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64, parameter
from headrace.graphs.norms import layer_norm
from headrace.graphs.read_linear import Held, affine, affine_and_others, norm, product, terms
from headrace.graphs.values import Foreign, Graph, key

MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4) - 5  # [out, in]
BIAS = np.array([1, 2, 3], np.float32)


def built(block: Callable[[Node], Node]) -> tuple[Graph, ov.Output, ov.Output]:
    """The graph of texts [batch, tokens], and what the block is given, [batch, tokens, 4], and makes in it."""
    ids = parameter("ids", [-1, -1])
    x = op.tanh(op.gather(f32(np.ones((9, 4))), ids, i64(0)))
    end = block(x)
    return Graph(ov.Model([op.result(end)], [ids], "part")), x.output(0), end.output(0)


def dynamic(x: Node) -> Node:
    """By codes of 8 bits that begin and end where x does."""
    high = op.maximum(f32(0), op.reduce_max(x, i64([0, 1, 2])))
    low = op.minimum(f32(0), op.reduce_min(x, i64([0, 1, 2])))
    step = op.divide(op.subtract(high, low), f32(255))
    zero = op.clamp(op.round(op.divide(op.subtract(f32(0), low), step)), 0.0, 255.0)
    codes = op.clamp(op.add(op.round(op.divide(x, step)), zero), 0.0, 255.0)
    made = op.subtract(op.convert(op.convert(codes, "u8"), "i32"), op.convert(zero, "i32"))
    found = op.matmul(made, op.constant(MATRIX.astype(np.int32)), False, True)
    return op.multiply(op.convert(found, "f32"), op.multiply(step, f32([0.5, 1, 2])))


@pytest.mark.parametrize(
    "block",
    [
        lambda x: op.matmul(x, f32(MATRIX), False, True),
        lambda x: op.matmul(x, f32(MATRIX.T), False, False),
        lambda x: op.matmul(op.multiply(x, f32([1, 2, 4, 8])), f32(MATRIX / [1, 2, 4, 8]), False, True),
        lambda x: op.multiply(op.matmul(x, f32(MATRIX / [[1], [2], [4]]), False, True), f32([1, 2, 4])),
    ],
    ids=["rows", "columns", "smoothed", "scaled"],
)
def test_a_product_has_one_matrix_however_it_is_written(block: Callable[[Node], Node]) -> None:
    graph, x, end = built(block)
    found = product(graph, end)
    assert found is not None
    assert key(found.source) == key(x)
    assert np.allclose(found.matrix.dense(), MATRIX)
    assert found.matrix.kind == "F32"


def test_a_product_of_codes_of_a_tensors_own_range_has_the_matrix_that_codes_stand_for() -> None:
    graph, x, end = built(dynamic)
    found = product(graph, end)
    assert found is not None
    assert key(found.source) == key(x)
    assert np.allclose(found.matrix.dense(), MATRIX * np.array([[0.5], [1], [2]]), rtol=1e-5)
    assert found.matrix.kind == "I8"


def test_a_matrix_of_codes_is_told() -> None:
    held = op.constant(MATRIX.astype(np.int8))
    graph, _, end = built(
        lambda x: op.matmul(x, op.multiply(op.convert(held, "f32"), f32([[1], [2], [3]])), False, True)
    )
    found = product(graph, end)
    assert found is not None
    assert np.allclose(found.matrix.dense(), MATRIX * np.array([[1], [2], [3]]))
    assert found.matrix.kind == "I8"


def test_a_sum_is_a_product_its_biases_and_what_else_there_is() -> None:
    graph, _, end = built(
        lambda x: op.add(
            f32(BIAS),
            op.add(
                op.add(op.matmul(x, f32(MATRIX), False, True), f32(BIAS)), op.abs(op.reduce_mean(x, i64([2]), True))
            ),
        )
    )
    found, [other] = affine_and_others(graph, end)
    assert found.bias is not None
    assert found.bias.tolist() == [2, 4, 6]
    assert other.get_node().get_type_name() == "Abs"
    with pytest.raises(Foreign):
        affine(graph, end)


def test_a_product_can_be_cut_and_multiplied() -> None:
    graph, _, end = built(lambda x: op.add(op.matmul(x, f32(MATRIX), False, True), f32(BIAS)))
    found = affine(graph, end).times(2).cut(1, 3)
    assert found.bias is not None
    assert found.matrix.values.tolist() == (2 * MATRIX[1:]).tolist()
    assert found.bias.tolist() == [4, 6]


@pytest.mark.parametrize(
    "block",
    [
        lambda x: op.matmul(x, x, False, True),
        lambda x: op.convert(op.convert(op.matmul(x, f32(MATRIX), False, True), "i32"), "f32"),
        lambda x: op.relu(op.matmul(x, f32(MATRIX), False, True)),
        lambda x: op.add(op.matmul(x, f32(MATRIX), False, True), op.matmul(x, f32(MATRIX), False, True)),
    ],
    ids=["of_two_tensors", "cut_off", "bent", "two"],
)
def test_what_is_no_product_is_refused(block: Callable[[Node], Node]) -> None:
    graph, _, end = built(block)
    with pytest.raises(Foreign):
        affine(graph, end)


def test_a_sum_of_very_much_is_refused() -> None:
    def doubled(x: Node) -> Node:
        for _ in range(40):
            x = op.add(x, x)
        return x

    graph, _, end = built(doubled)
    with pytest.raises(Foreign):
        terms(graph, end)


def test_a_norm_is_one_term_and_has_its_weights() -> None:
    weight, bias = np.arange(4, dtype=np.float32), np.ones(4, np.float32)
    graph, x, end = built(lambda x: op.add(layer_norm(x, weight, bias, 1e-6), x))
    inner, _ = terms(graph, end)
    found = norm(graph, inner)
    assert key(found.source) == key(x)
    assert (found.weight.tolist(), found.bias.tolist()) == (weight.tolist(), bias.tolist())
    assert found.eps == pytest.approx(1e-6)


@pytest.mark.parametrize("told", [{"axes": [1]}, {"normalize": False}, {"mode": "outside_sqrt"}], ids=str)
def test_another_norm_is_refused(told: dict[str, Any]) -> None:
    axes, normalize = told.get("axes", [2]), told.get("normalize", True)
    graph, _, end = built(lambda x: op.mvn(x, i64(axes), normalize, 1e-6, told.get("mode", "inside_sqrt")))
    with pytest.raises(Foreign):
        norm(graph, end)


def test_a_weight_in_memory_is_cut_by_rows() -> None:
    found = Held(MATRIX, "I8").cut(1, 3)
    assert (found.shape, found.kind) == ((2, 4), "I8")
    assert found.dense().tolist() == MATRIX[1:].tolist()
