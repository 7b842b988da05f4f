"""Products of float32 in halves: nearly those of float64, and the same bits alone and in company."""

from typing import Any

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest
from numpy.typing import NDArray

from headrace.kernels import operations
from headrace.kernels.operations import Bend
from tests.kernels.test_codes4 import reading
from tests.kernels.test_operations import SHAPES, compiled
from tests.tiles import kernels

Floats = NDArray[np.float32]


def matrix(rows: int, width: int) -> Floats:
    found: Floats = np.random.default_rng([rows, width]).normal(size=(rows, width)).astype(np.float32)
    return found


def vectors(count: int, width: int) -> Floats:
    found: Floats = np.random.default_rng([count, width, 1]).normal(size=(count, width)).astype(np.float32)
    return found


def bias_of(rows: int) -> Floats:
    return np.linspace(-2, 2, rows, dtype=np.float32)


def product(x: Any, rows: int, width: int) -> Any:
    return operations.float_product(kernels(), x, reading(matrix(rows, width)), width, bias_of(rows))


def product_of(rows: int, width: int, threads: int = 2) -> Any:
    x = op.parameter([-1, width], ov.Type.f32)
    return compiled([x], [product(x, rows, width)], threads)


@pytest.mark.parametrize(("rows", "width"), [*SHAPES, (70, 1500)])
def test_a_product_is_within_2_to_the_16th_of_what_its_numbers_add_up_to(rows: int, width: int) -> None:
    run, weights = product_of(rows, width), matrix(rows, width).astype(np.float64)
    for count in (1, 15, 16, 17, 32, 33, 64, 700):
        x = vectors(count, width)
        sizes = np.abs(x).astype(np.float64) @ np.abs(weights).T + np.abs(bias_of(rows))
        off = np.abs(run([x])[0] - (x.astype(np.float64) @ weights.T + bias_of(rows)))
        assert (off <= 2.0**-16 * sizes).all()


def test_a_row_has_the_same_bits_whatever_stands_beside_it_and_however_many_threads_there_are() -> None:
    x = vectors(1500, 400)
    together, by_one = product_of(100, 400)([x])[0], product_of(100, 400, threads=1)([x])[0]
    assert np.array_equal(together, by_one)
    run = product_of(100, 400)
    for size in (1, 5, 16, 100):
        parts = [run([x[at : at + size]])[0].copy() for at in range(0, len(x), size)]
        assert np.array_equal(np.concatenate(parts), together)


@pytest.mark.parametrize("bend", ["silu", "gelu_tanh", "gelu"])
def test_it_bends_what_it_gives_and_adds_what_is_behind(bend: Bend) -> None:
    x, more = op.parameter([-1, 70], ov.Type.f32), op.parameter([-1, 40], ov.Type.f32)
    bent = operations.bent(kernels(), product(x, 40, 70), bend)
    assert bent is not None
    flat = product(x, 40, 70)
    plain = op.swish(flat) if bend == "silu" else op.gelu(flat, "tanh" if bend == "gelu_tanh" else "erf")
    whole = operations.added(kernels(), more, bent)
    kinds = [node.get_type_name() for node in ov.Model([op.result(whole)], [x, more], "one").get_ops()]
    assert "Add" not in kinds
    values, behind = vectors(50, 70), vectors(50, 40)
    found = compiled([x, more], [whole, plain])([values, behind])
    np.testing.assert_allclose(found[0], found[1] + behind, rtol=1e-4, atol=1e-5)


def test_what_is_no_product_of_ours_or_is_a_sum_already_is_not_bent() -> None:
    x = op.parameter([-1, 40], ov.Type.f32)
    assert operations.bent(kernels(), op.relu(x), "gelu") is None
    square = product(x, 40, 40)
    assert operations.bent(kernels(), operations.added(kernels(), x, square), "gelu") is None


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_row_with_what_is_no_number_gives_none_and_others_are_as_they_are(wrong: float) -> None:
    run, x = product_of(40, 70), vectors(40, 70)
    whole = run([x])[0].copy()
    x[4, 3] = wrong
    found = run([x])[0]
    assert not np.isfinite(found[4]).any()
    assert np.array_equal(np.delete(found, 4, 0), np.delete(whole, 4, 0))


def test_no_rows_give_none_and_rows_of_zeros_the_bias() -> None:
    run = product_of(40, 70)
    assert run([np.zeros((0, 70), np.float32)])[0].shape == (0, 40)
    assert np.array_equal(run([np.zeros((3, 70), np.float32)])[0], np.tile(bias_of(40), (3, 1)))


def test_one_of_other_sizes_than_it_says_cannot_be_made() -> None:
    with pytest.raises(RuntimeError, match="are not of 40 outputs"):
        product(op.parameter([-1, 200], ov.Type.f32), 40, 70)
