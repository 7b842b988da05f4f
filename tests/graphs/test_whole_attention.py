"""Attention over whole texts is the definition of attention."""

import numpy as np
import openvino.opset15 as op
from openvino import Model

from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision
from headrace.graphs.sight import others_hidden
from headrace.graphs.whole_attention import whole_attention
from tests.graphs.run import run
from tests.graphs.test_attention import TABLE, TEXT, slowly
from tests.graphs.tiny import VARIANTS, architecture, weights

X = TABLE[TEXT]


def layer_alone(x: Node) -> Node:
    layer = Tensors(weights(VARIANTS["llama"])).layer(0)
    bias = others_hidden(op.constant(np.arange(len(X))[None]), 0)
    return whole_attention(x, layer, architecture(VARIANTS["llama"]), Precision(), None, bias)


def test_each_token_sees_all_before_it() -> None:
    found = run(layer_alone, np.stack([X, X[::-1]]))
    assert np.abs(found[0] - slowly(X)).max() < 1e-3
    assert np.abs(found[1] - slowly(X[::-1])).max() < 1e-3


def test_nothing_is_kept() -> None:
    x = op.parameter([-1, -1, X.shape[1]])
    assert not Model([op.result(layer_alone(x))], [x], "alone").get_sinks()
