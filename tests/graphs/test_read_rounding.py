"""Rounding to codes and constant factors are seen through; what bends or moves a tensor is not."""

from collections.abc import Callable

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, parameter
from headrace.graphs.read_rounding import evenly_scaled, last_axis, plain, scaled
from headrace.graphs.values import Foreign, Graph, key


def built(block: Callable[[Node], Node]) -> tuple[Graph, ov.Output, ov.Output]:
    """The graph, and what the block is given and makes in it."""
    given = parameter("x", [-1, -1, 4], ov.Type.f32)
    x = op.abs(given)
    end = block(x)
    return Graph(ov.Model([op.result(end)], [given], "part")), x.output(0), end.output(0)


def rounded(x: Node, low: float, high: float, low_out: float, high_out: float, levels: int = 256) -> Node:
    return op.fake_quantize(x, f32(low), f32(high), f32(low_out), f32(high_out), levels)


def codes(x: Node, kind: str = "u8", zero: float = 120, scale: float = 0.5) -> Node:
    """Made, and read as x times twice `scale`."""
    made = op.convert(op.convert(rounded(x, -60, 67.5, 0, 255), kind), "f32")
    return op.multiply(op.subtract(made, f32(zero)), f32(scale))


def test_factors_are_taken_together() -> None:
    graph, x, end = built(lambda x: op.divide(rounded(op.multiply(x, f32([1, 2, 3, 4])), -3, 3, -6, 6), f32(4)))
    found = scaled(graph, end)
    assert key(found.source) == key(x)
    assert np.allclose(found.factor, np.array([1, 2, 3, 4]) / 2)


def test_only_one_number_is_an_even_factor() -> None:
    graph, _, end = built(lambda x: op.multiply(op.multiply(x, f32([1, 2, 3, 4])), f32(3)))
    found = evenly_scaled(graph, end)
    assert key(found.source) == key(end.get_node().input(0).get_source_output())
    assert found.factor.tolist() == [3]


def test_plain_leaves_factors() -> None:
    graph, _, end = built(lambda x: rounded(op.multiply(rounded(x, -1, 2, -1, 2), f32(3)), -5, 4, -5, 4))
    assert plain(graph, end).get_node().get_type_name() == "Multiply"


def test_codes_that_are_made_floats_again_are_seen_through() -> None:
    graph, x, end = built(codes)
    found = scaled(graph, end)
    assert key(found.source) == key(x)
    assert np.allclose(found.factor, 1)


def test_a_constant_over_a_tensor_is_no_factor() -> None:
    graph, _, end = built(lambda x: op.divide(f32(2), x))
    assert key(scaled(graph, end).source) == key(end)


@pytest.mark.parametrize(
    "block",
    [
        lambda x: rounded(x, 0, 6, 0, 6),
        lambda x: rounded(x, -0.01, 6, -0.01, 6),
        lambda x: rounded(x, -6, 0, -6, 0),
        lambda x: rounded(x, -1, 1, 0, 2),
        lambda x: rounded(x, -1, 1, -1, 1, levels=16),
        lambda x: codes(x, zero=100),
        lambda x: codes(x, kind="i8"),
        lambda x: op.fake_quantize(x, f32([[[-1], [-2]]]), f32(3), f32(-1), f32(3), 256),
    ],
    ids=["relu", "almost_relu", "negative", "moved", "coarse", "other_zero", "overflow", "by_token"],
)
def test_what_bends_is_not_seen_through(block: Callable[[Node], Node]) -> None:
    graph, _, end = built(block)
    with pytest.raises(Foreign):
        scaled(graph, end)


@pytest.mark.parametrize("block", [lambda x: op.softmax(x, -1), lambda x: op.gelu(x, "erf")], ids=["softmax", "gelu"])
def test_what_lies_at_one_side_of_0_may_be_rounded_there(block: Callable[[Node], Node]) -> None:
    graph, _, end = built(lambda x: rounded(block(x), 0, 6, 0, 6))
    assert key(plain(graph, end)) == key(end.get_node().input(0).get_source_output())


def test_a_vector_lies_along_the_last_axis() -> None:
    assert last_axis(np.ones((1, 1, 3), np.float32)).tolist() == [1, 1, 1]
    assert last_axis(np.ones((), np.float32), 2).tolist() == [1, 1]
    for wrong in (np.ones((3, 1), np.float32), np.ones(4, np.float32)):
        with pytest.raises(Foreign):
            last_axis(wrong, 3)
