"""Attention is read with whatever mask hides padding and nothing else, and whatever its scale is made of."""

from collections.abc import Callable

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64, parameter
from headrace.graphs.read_attention import Attention, attention, check_on_many
from headrace.graphs.values import Foreign, Graph, key
from tests.graphs.tiny import draw

HEADS, DIM, WIDTH = 2, 4, 8
MATRICES = {name: draw(name, (WIDTH, WIDTH), 1).dense() for name in ("q", "k", "v")}


def heads(x: Node, name: str) -> Node:
    cut = op.reshape(op.matmul(x, f32(MATRICES[name]), False, True), i64([0, 0, HEADS, DIM]), True)
    return op.transpose(cut, i64([0, 2, 1, 3]))


def wide(mask: Node) -> Node:
    """[batch, 1, 1, tokens]"""
    return op.unsqueeze(mask, i64([1, 2]))


def seen(mask: Node) -> Node:
    return op.not_equal(wide(mask), i64(0))


def ahead(mask: Node) -> Node:
    """[tokens, tokens]: True at places behind a row's own."""
    row = op.range(i64(0), op.gather(op.shape_of(mask), i64(1), i64(0)), i64(1), "i64")
    return op.greater(op.unsqueeze(row, i64(0)), op.unsqueeze(row, i64(1)))


Mask = Callable[[Node], Node]


def joined(x: Node) -> Node:
    return op.reshape(op.transpose(x, i64([0, 2, 1, 3])), i64([0, 0, WIDTH]), True)


def scaled_product(x: Node, mask: Node, scale: float | None = None) -> Node:
    q, k, v = (heads(x, name) for name in "qkv")
    return op.scaled_dot_product_attention(q, k, v, mask, None if scale is None else f32(scale), causal=False)


def read(block: Callable[[Node, Node], Node]) -> tuple[Attention, ov.Output]:
    """Of what the block makes of x [batch, tokens, 8] and the mask; and that x."""
    ids, mask = (parameter(name, [-1, -1]) for name in ("input_ids", "attention_mask"))
    x = op.gather(f32(np.ones((9, WIDTH))), ids, i64(0))
    end = joined(block(x, mask))
    return attention(Graph(ov.Model([op.result(end)], [ids, mask], "part")), end.output(0)), x.output(0)


MASKS: dict[str, Mask] = {
    "boolean": seen,
    "added": lambda mask: op.multiply(op.subtract(f32(1), op.convert(wide(mask), "f32")), f32(-1e5)),
    "chosen": lambda mask: op.select(seen(mask), f32(0), f32(-np.inf)),
    "square": lambda mask: op.logical_and(seen(mask), op.logical_not(ahead(mask))),
}


@pytest.mark.parametrize("name", ["boolean", "added", "chosen"])
def test_a_mask_that_hides_padding_is_read(name: str) -> None:
    found, x = read(lambda x, mask: scaled_product(x, MASKS[name](mask)))
    assert key(found.source) == key(x)
    assert (found.heads, found.dim) == (HEADS, DIM)
    for projection, matrix in zip((found.q, found.k, found.v), MATRICES.values(), strict=True):
        assert np.array_equal(projection.matrix.dense(), matrix)


@pytest.mark.parametrize(
    "mask",
    [
        MASKS["square"],
        lambda mask: op.logical_not(seen(mask)),
        lambda mask: op.multiply(MASKS["added"](mask), f32(1e-3)),
        lambda mask: op.add(MASKS["added"](mask), f32(0.5)),
        lambda mask: op.convert(wide(mask), "f32"),
        lambda mask: op.unsqueeze(op.unsqueeze(op.not_equal(mask, i64(0)), i64(1)), i64(3)),
        lambda mask: f32(0),
        lambda mask: op.logical_and(seen(mask), op.equal(op.reduce_sum(wide(mask), i64([3]), True), i64(2))),
    ],
    ids=["causal", "inverted", "faint", "moved", "bare", "rows", "none", "some_texts"],
)
def test_another_mask_is_refused(mask: Mask) -> None:
    with pytest.raises(Foreign):
        read(lambda x, given: scaled_product(x, mask(given)))


def test_another_scale_is_in_the_queries() -> None:
    found, _ = read(lambda x, mask: scaled_product(x, seen(mask), 0.25))
    assert np.allclose(found.q.matrix.dense(), MATRICES["q"] / 2)
    assert np.array_equal(found.k.matrix.dense(), MATRICES["k"])


def test_scores_that_are_filled_are_read() -> None:
    def block(x: Node, mask: Node) -> Node:
        q, k, v = (heads(x, name) for name in "qkv")
        scores = op.multiply(op.matmul(q, k, False, True), f32(1 / np.sqrt(DIM)))
        filled = op.select(op.equal(wide(mask), i64(0)), f32(-np.inf), scores)
        return op.matmul(op.softmax(filled, -1), v, False, False)

    found, _ = read(block)
    assert np.array_equal(found.q.matrix.dense(), MATRICES["q"])


@pytest.mark.parametrize("axis", [1, 2])
def test_shares_along_another_axis_are_refused(axis: int) -> None:
    def block(x: Node, mask: Node) -> Node:
        q, k, v = (heads(x, name) for name in "qkv")
        scores = op.add(op.matmul(q, k, False, True), MASKS["added"](mask))
        return op.matmul(op.softmax(scores, axis), v, False, False)

    with pytest.raises(Foreign):
        read(block)


def test_heads_that_are_cut_otherwise_are_refused() -> None:
    def block(x: Node, mask: Node) -> Node:
        k, v = (heads(x, name) for name in "kv")
        cut = op.reshape(op.matmul(x, f32(MATRICES["q"]), False, True), i64([0, HEADS, -1, DIM]), True)
        return op.scaled_dot_product_attention(cut, k, v, seen(mask), causal=False)

    with pytest.raises(Foreign):
        read(block)


def near(mask: Node, reach: int) -> Node:
    """Tokens see those that are at most so far away, and no padding."""
    count = op.gather(op.shape_of(mask), i64(1), i64(0))
    places = op.range(i64(0), count, i64(1), "i64")
    apart = op.abs(op.subtract(op.unsqueeze(places, i64(1)), op.unsqueeze(places, i64(0))))
    return op.logical_and(seen(mask), op.less_equal(apart, i64(reach)))


@pytest.mark.parametrize("reach", [4, 60])
def test_a_window_that_few_tokens_do_not_show_is_refused_on_many(reach: int) -> None:
    ids, mask = (parameter(name, [-1, -1]) for name in ("input_ids", "attention_mask"))
    x = op.gather(f32(np.ones((9, WIDTH))), ids, i64(0))
    end = joined(scaled_product(x, near(mask, reach)))
    graph = Graph(ov.Model([op.result(end)], [ids, mask], "part"))
    found = attention(graph, end.output(0))
    check_on_many(graph, found.mask, reach)
    with pytest.raises(Foreign):
        check_on_many(graph, found.mask, reach + 2)
