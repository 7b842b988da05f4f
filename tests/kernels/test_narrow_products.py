"""Products that add a bias and bend what they give, and those of numbers in codes of 8 bits."""

import math
from typing import Any

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest
from numpy.typing import NDArray

from headrace.kernels import operations
from headrace.kernels.operations import Bend, Matrix
from tests.kernels.test_operations import SHAPES, Floats, compiled, expected, held
from tests.tiles import kernels


def bent_by(x: Floats, bend: Bend | None) -> NDArray[np.float64]:
    """In float64."""
    found = x.astype(np.float64)
    if bend is None:
        return found
    if bend == "gelu":
        share: NDArray[np.float64] = (1 + np.vectorize(math.erf)(found / math.sqrt(2))) / 2
    else:
        inner = found if bend == "silu" else 2 * math.sqrt(2 / math.pi) * (found + 0.044715 * found**3)
        share = 1 / (1 + np.exp(np.minimum(-inner, 700)))
    bent: NDArray[np.float64] = found * share
    return bent


@pytest.mark.parametrize("bend", [None, "gelu", "gelu_tanh", "silu"])
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(("rows", "width"), [(100, 200), (31, 65), (1, 1)])
def test_a_product_adds_its_bias_bends_and_is_added_to_what_there_is(
    rows: int, width: int, bits: int, bend: Bend | None
) -> None:
    weights, numbers, scales = held(bits, rows, width)
    random = np.random.default_rng(rows)
    bias = random.normal(size=rows).astype(np.float32)
    x, onto = op.parameter([-1, width], ov.Type.f32), op.parameter([-1, rows], ov.Type.f32)
    node = operations.product(kernels(), x, weights, bias)
    node = operations.bent(kernels(), node, bend) if bend else node
    run = compiled([x, onto], [operations.added(kernels(), onto, node)])
    for count in (1, 9, 40):
        given = random.normal(size=(count, width)).astype(np.float32)
        there = random.normal(size=(count, rows)).astype(np.float32)
        wanted = bent_by(expected(given, numbers, scales) + bias, bend) + there
        np.testing.assert_allclose(run([given, there])[0], wanted, rtol=1e-5, atol=2e-5)


def narrow_product(weights: Matrix, width: int, bend: Bend | None = None, threads: int = 2) -> Any:
    x = op.parameter([-1, width], ov.Type.f32)
    found = operations.product(kernels(), x, weights, narrow=True)
    return compiled([x], [operations.bent(kernels(), found, bend) if bend else found], threads)


@pytest.mark.parametrize(("rows", "width"), SHAPES)
def test_a_narrow_product_is_that_of_codes_of_8_bits(rows: int, width: int) -> None:
    weights, numbers, scales = held(8, rows, width)
    run = narrow_product(weights, width)
    for count in (1, 15, 16, 17, 33, 130):
        x = np.random.default_rng(count).normal(size=(count, width)).astype(np.float32)
        greatest = np.abs(x).max(axis=1, keepdims=True)
        codes = np.rint(x * (np.float32(127) / greatest)).astype(np.int64)
        wanted = (codes @ numbers.T.astype(np.int64)) * ((greatest / np.float32(127)).astype(np.float64) * scales.T)
        np.testing.assert_allclose(run([x])[0], wanted, rtol=3e-6, atol=1e-6)


def test_a_narrow_product_bends_nearly_as_well() -> None:
    codes, scales = np.eye(64, dtype=np.int8) * 127, np.full((64, 1), 1 / 127, np.float32)
    run = narrow_product(operations.matrix(codes, scales), 64, "gelu")
    x = np.random.default_rng(0).uniform(-6, 6, (40, 64)).astype(np.float32)
    x[:, 0] = 6.0
    plain = narrow_product(operations.matrix(codes, scales), 64)([x])[0]
    assert np.abs(run([x])[0] - bent_by(plain, "gelu")).max() < 5e-5
    x[0, 3], x[1, 4] = np.nan, np.inf
    assert not np.isfinite(run([x])[0][:2]).all(axis=1).any()


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("bits", [8, 4])
def test_rows_of_many_blocks_have_the_same_bits_alone_and_with_any_number_of_threads(bits: int, narrow: bool) -> None:
    if narrow and bits == 4:
        pytest.skip("codes of 8 bits are multiplied by such codes alone")
    weights, _, _ = held(bits, 64, 2048)  # a thousand rows of it are more than a thread multiplies at a time
    x = np.random.default_rng(0).normal(size=(1000, 2048)).astype(np.float32)
    given = op.parameter([-1, 2048], ov.Type.f32)
    runs = [
        compiled([given], [operations.product(kernels(), given, weights, narrow=narrow)], threads) for threads in (1, 2)
    ]
    whole = runs[0]([x])[0].copy()
    assert np.array_equal(runs[1]([x])[0], whole)
    for begin, end in ((0, 1), (250, 300), (777, 1000)):
        assert np.array_equal(runs[1]([x[begin:end]])[0], whole[begin:end])


def test_what_cannot_be_is_no_operation() -> None:
    weights, _, _ = held(4, 16, 64)
    x = op.parameter([-1, 64], ov.Type.f32)
    with pytest.raises(RuntimeError, match="8 bits"):
        operations.product(kernels(), x, weights, narrow=True)
