"""Matrices held at each precision give the product that their precision promises."""

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest
from numpy.typing import NDArray

from headrace.graphs.linear import Form, Precision, Vocabulary, activate, gated, linear, sum_of
from tests.tiles import kernels

Floats = NDArray[np.float32]


class Matrix:
    """A Weight that is in memory."""

    kind = "F32"

    def __init__(self, values: Floats) -> None:
        self._values = values
        self.shape = values.shape

    def dense(self) -> Floats:
        return self._values

    def cut(self, begin: int, end: int) -> "Matrix":
        return Matrix(self._values[begin:end])


def _random(*shape: int) -> Floats:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def _run(result: object, parameter: object, value: NDArray[np.generic]) -> Floats:
    model = ov.Model([op.result(result)], [parameter], "trial")
    core = ov.Core()
    found: Floats = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([value])[0]
    return found


@pytest.mark.parametrize(("kind", "most"), [("f32", 1e-5), ("bf16", 0.01), ("int8", 0.03), ("int4", 0.4)])
def test_matrices_under_one_another_give_their_products_side_by_side(kind: str, most: float) -> None:
    x = op.parameter([-1, 128], ov.Type.f32)
    values, first, second = _random(5, 128), _random(96, 128), _random(32, 128)
    found = _run(linear(x, [Matrix(first), Matrix(second)], Precision(kind, kind)), x, values)  # type: ignore[arg-type]
    expected = values @ np.concatenate([first, second]).T
    assert np.abs(found - expected).max() < most * expected.std()


OF_CODES = [("tiles8", 0.03), ("tiles4", 0.3)]


@pytest.mark.parametrize(("kind", "most"), [("tiles32", 1e-4), *OF_CODES])
def test_on_tiles_matrices_under_one_another_give_their_products_side_by_side(kind: Form, most: float) -> None:
    x, precision = op.parameter([-1, 128], ov.Type.f32), Precision(kind, library=kernels())
    values, first, second = _random(5, 128), _random(90, 128), _random(31, 128)
    found = _run(linear(x, [Matrix(first), Matrix(second)], precision), x, values)
    expected = values @ np.concatenate([first, second]).T
    assert np.abs(found - expected).max() < most * expected.std()


@pytest.mark.parametrize(("kind", "most"), OF_CODES)
def test_on_tiles_a_gate_is_part_of_the_product(kind: Form, most: float) -> None:
    x, precision = op.parameter([-1, 128], ov.Type.f32), Precision(kind, library=kernels())
    values, gate, other = _random(5, 128) / 10, _random(90, 128), _random(91, 128)[:90]
    node = gated(x, Matrix(gate), Matrix(other), "silu", precision)
    assert node is not None
    bent = values @ gate.T
    expected = bent / (1 + np.exp(-bent)) * (values @ other.T)
    assert np.abs(_run(node, x, values) - expected).mean() < most * expected.std()
    assert gated(x, Matrix(gate), Matrix(other), "silu", Precision("int8")) is None


def test_on_tiles_a_sum_is_part_of_the_product_behind_which_it_stands() -> None:
    x, precision = op.parameter([-1, 128], ov.Type.f32), Precision("tiles8", library=kernels())
    values, matrix = _random(5, 128), _random(128, 128)
    node = sum_of(x, linear(x, [Matrix(matrix)], precision), precision)
    assert node.get_type_name() == "TileProduct"
    expected = values + values @ matrix.T
    assert np.abs(_run(node, x, values) - expected).max() < 0.03 * expected.std()
    assert sum_of(x, x, precision).get_type_name() == "Add"


def test_on_tiles_a_bias_and_a_bend_are_part_of_the_product_of_numbers_in_halves() -> None:
    x, precision = op.parameter([-1, 128], ov.Type.f32), Precision("tiles32", library=kernels())
    values, matrix, bias = _random(5, 128) / 10, _random(90, 128), _random(90)
    node = activate(linear(x, [Matrix(matrix)], precision, bias), "silu", precision)
    assert node.get_type_name() == "TileFloatProduct"
    found = values @ matrix.T + bias
    expected = found / (1 + np.exp(-found))
    assert np.abs(_run(node, x, values) - expected).max() < 1e-4 * expected.std()


def test_on_tiles_a_vocabulary_gives_rows_and_logits_of_one_matrix() -> None:
    words = Vocabulary(Matrix(_random(100, 64)), Precision("tiles8", "tiles8", library=kernels()))
    ids, x = op.parameter([-1], ov.Type.i64), op.parameter([-1, 64], ov.Type.f32)
    rows = _run(words.rows(ids), ids, np.array([7, 99, 0]))
    assert np.abs(rows - _random(100, 64)[[7, 99, 0]]).max() < 0.02
    values = _random(3, 64)
    expected = values @ _random(100, 64).T
    assert np.abs(_run(words.logits(x), x, values) - expected).max() < 0.03 * expected.std()


def test_a_row_that_groups_do_not_divide_is_held_in_8_bits() -> None:
    x = op.parameter([-1, 40], ov.Type.f32)
    values, matrix = _random(3, 40), _random(24, 40)
    found = _run(linear(x, [Matrix(matrix)], Precision("int4", "int4")), x, values)
    expected = values @ matrix.T
    assert np.abs(found - expected).max() < 0.03 * expected.std()


def test_the_head_has_a_precision_of_its_own() -> None:
    x = op.parameter([-1, 64], ov.Type.f32)
    values, matrix = _random(3, 64), _random(100, 64)
    found = _run(Vocabulary(Matrix(matrix), Precision("int4", "f32")).logits(x), x, values)
    assert np.allclose(found, values @ matrix.T, atol=1e-4)


@pytest.mark.parametrize(("kind", "most"), [("f32", 0.0), ("bf16", 0.02), ("int8", 0.02), ("int4", 0.02)])
def test_an_embedding_gives_rows_by_id(kind: str, most: float) -> None:
    ids = op.parameter([-1, -1], ov.Type.i64)
    table = _random(50, 16)
    found = _run(Vocabulary(Matrix(table), Precision(kind)).rows(ids), ids, np.array([[3, 49, 0]]))  # type: ignore[arg-type]
    assert found.shape == (1, 3, 16)
    assert np.abs(found[0] - table[[3, 49, 0]]).max() <= most


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_matrix_that_gives_rows_and_logits_is_held_once(kind: str) -> None:
    ids, x = op.parameter([-1], ov.Type.i64), op.parameter([-1, 64], ov.Type.f32)
    words = Vocabulary(Matrix(_random(100, 64)), Precision(kind, "int8"))  # type: ignore[arg-type]
    model = ov.Model([op.result(words.rows(ids)), op.result(words.logits(x))], [ids, x], "trial")
    tables = [node for node in model.get_ops() if node.get_type_name() == "Constant" and node.get_byte_size() == 6400]
    assert len(tables) == 1
    values = _random(3, 64)
    rows, logits = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([[5, 7], values]).values()
    assert np.abs(rows - _random(100, 64)[[5, 7]]).max() < 0.02
    assert np.abs(logits - values @ _random(100, 64).T).max() < 0.03 * 8


@pytest.mark.parametrize(("layers", "edges"), [(30, [0, 1, 2, 27, 28, 29]), (3, [0, 2]), (1, [0])])
def test_the_ends_of_the_first_and_last_layers_have_a_precision_of_their_own(layers: int, edges: list[int]) -> None:
    held = Precision("int4", "int8", edges="int8")
    assert [layer for layer in range(layers) if held.ending(layer, layers).weights == "int8"] == edges
    assert all(Precision("int4").ending(layer, layers) == Precision("int4") for layer in range(layers))
