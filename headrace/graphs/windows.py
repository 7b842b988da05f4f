"""Sliding windows and paged attention: how far back each layer sees is an input of its paged-attention node."""

from collections.abc import Sequence

import numpy as np
import openvino as ov
import openvino.opset15 as op

from headrace.errors import ModelInvalid
from headrace.graphs.linear import Node

PAGED_ATTENTION = "PagedAttentionExtension"
KEY_CACHE, SLIDING_WINDOW = 3, 10  # inputs of that node


def set_windows(model: ov.Model, windows: Sequence[int]) -> None:
    """After the paged-attention pass: let layer i see its `windows[i]` last tokens, its own among them; 0: all.

    Changes `model`. Empty `windows` change nothing. Raises ModelInvalid where the graph has other layers.
    """
    if not any(windows):
        return
    layers = paged_layers(model)
    if sorted(layers) != list(range(len(windows))):
        raise ModelInvalid(
            f"the graph has {len(layers)} layers of paged attention, {len(windows)} are named", "windows"
        )
    for index, window in enumerate(windows):
        node = op.constant(np.array(window, np.int32))
        layers[index].input(SLIDING_WINDOW).replace_source_output(node.output(0))


def paged_layers(model: ov.Model) -> dict[int, Node]:
    """The paged-attention nodes by their layer, which is the number of their key cache."""
    nodes = [node for node in model.get_ops() if node.get_type_name() == PAGED_ATTENTION]
    return {int(node.input_value(KEY_CACHE).get_any_name().rpartition(".")[2]): node for node in nodes}
