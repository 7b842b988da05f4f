"""The feed-forward half of a layer: up, a bend, down; gated where the file has a gate."""

import openvino.opset15 as op

from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision, activate
from headrace.weights.checkpoint import Architecture


def feed_forward(
    x: Node, layer: Tensors, facts: Architecture, precision: Precision, ending: Precision | None = None
) -> Node:
    """x [..., hidden] -> [..., hidden]; with a gate it is down(bend(gate x) * up x) (arXiv 2002.05202).

    Gate and up are one operation where our kernels have one; else two products: the bend is then computed within the
    first one, and nothing needs to be cut in two.
    `ending` is the precision of the last matrix; None: as the others.
    """
    inner = facts.intermediate
    if "gate" in layer:
        bent = layer.gated(x, facts.hidden, inner, facts.activation, precision)
        if bent is None:
            bent = _gated(x, layer, facts, precision)
    else:
        bent = activate(layer.project(x, ("up",), facts.hidden, (inner,), precision), facts.activation, precision)
    return layer.project(bent, ("down",), inner, (facts.hidden,), ending or precision)


def _gated(x: Node, layer: Tensors, facts: Architecture, precision: Precision) -> Node:
    gate, up = (layer.project(x, (name,), facts.hidden, (facts.intermediate,), precision) for name in ("gate", "up"))
    return op.multiply(activate(gate, facts.activation, precision), up)
