"""Parts of a graph are asked what they read and what they give."""

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64, parameter
from headrace.graphs.values import SIZES, Foreign, Graph, key


def ids() -> Node:
    return parameter("input_ids", [-1, -1])


def whole(end: Node, given: Node) -> Graph:
    return Graph(ov.Model([op.result(end)], [given], "part"))


def test_a_part_reads_values_sizes_or_nothing() -> None:
    given = ids()
    tokens = op.gather(op.shape_of(given), i64(1), i64(0))
    end = op.add(op.multiply(tokens, i64(2)), given)
    found = whole(end, given)
    assert found.reads(end.output(0)) == {"input_ids", SIZES}
    assert found.reads(tokens.output(0)) == {SIZES}
    assert found.reads(end.input(0).get_source_output().get_node().input(1).get_source_output()) == frozenset()


def test_a_value_is_computed_of_what_is_given() -> None:
    given = ids()
    end = op.add(given, op.gather(op.shape_of(given), i64(1), i64(0)))
    found = whole(end, given).value(end.output(0), {key(given.output(0)): np.array([[1, 2, 3]])}, (1, 3))
    assert found.tolist() == [[4, 5, 6]]


def test_sizes_are_enough_for_what_reads_no_more() -> None:
    given = ids()
    row = op.range(i64(0), op.gather(op.shape_of(given), i64(1), i64(0)), i64(1), "i64")
    found = whole(op.add(row, given), given)
    assert found.value(row.output(0), {}, (2, 4)).tolist() == [0, 1, 2, 3]
    with pytest.raises(Foreign):
        found.value(given.output(0), {}, (2, 4))


def test_what_sizes_do_not_change_is_a_constant() -> None:
    given = ids()
    looked_up = op.gather(f32(np.ones((9, 32))), given, i64(0))
    sizes = op.shape_of(looked_up)
    width, tokens = (op.gather(sizes, i64(axis), i64(0)) for axis in (2, 1))
    found = whole(op.multiply(op.multiply(width, tokens), given), given)
    assert found.constant(width.output(0)) == 32
    assert found.steady(tokens.output(0)) is None
    with pytest.raises(Foreign):
        found.constant(tokens.output(0))


def test_what_is_no_number_is_no_constant() -> None:
    given = ids()
    end = op.multiply(op.convert(given, "f32"), f32(-np.inf))
    with pytest.raises(Foreign):
        whole(end, given).constant(end.input(1).get_source_output())


def test_sizes_that_a_graph_cannot_take_are_told() -> None:
    given = ids()
    end = op.add(given, i64([[1, 2, 3, 4]]))
    with pytest.raises(Foreign):
        whole(end, given).shape(end.output(0), (2, 3))
