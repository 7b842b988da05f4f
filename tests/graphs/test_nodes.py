"""The small nodes that blocks are made of."""

import numpy as np
import openvino as ov
import openvino.opset15 as op

from headrace.graphs.nodes import f32, i64, named_result, parameter, soft_cap, split
from tests.graphs.run import run

X = np.random.default_rng(0).normal(size=(2, 3, 8)).astype(np.float32)


def test_a_split_gives_its_parts_in_order() -> None:
    assert (run(lambda x: split(x, (2, 5, 1))[1], X) == X[..., 2:7]).all()


def test_a_split_into_one_part_is_the_thing_itself() -> None:
    node = f32(X)
    assert split(node, (8,)) == [node]


def test_a_soft_cap_squeezes_and_none_leaves_alone() -> None:
    assert np.allclose(run(lambda x: soft_cap(x, 0.5), X), 0.5 * np.tanh(X / 0.5), atol=1e-5)
    assert (run(lambda x: soft_cap(op.add(x, f32(0.0)), 0.0), X) == X).all()


def test_inputs_and_outputs_go_by_their_names() -> None:
    ids = parameter("ids", [-1, 2])
    model = ov.Model([named_result("sum", op.add(ids, i64(1)))], [ids], "named")
    assert model.input("ids").partial_shape == ov.PartialShape([-1, 2])
    assert model.output("sum").element_type == ov.Type.i64
