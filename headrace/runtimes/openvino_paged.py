"""The pass that turns a stateful decoder into one whose attention reads blocks of a shared key-value cache.

It is private to OpenVINO: whether it is there, and what it leaves, is checked before anything is computed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import openvino as ov
import openvino.opset15 as op

from headrace.errors import ModelInvalid
from headrace.graphs.capped_attention import cap_attention
from headrace.graphs.windows import set_windows
from headrace.runtimes.reasons import openvino_reason
from headrace.weights.checkpoint import Architecture

STEP_INPUTS = {
    "input_ids": "i64",
    "position_ids": "i64",
    "past_lens": "i32",
    "subsequence_begins": "i32",
    "block_indices": "i32",
    "block_indices_begins": "i32",
    "max_context_len": "i32",
    "sample_at": "i64",
}
"""What a step is told by, beside the caches; `sample_at` is ours, the others the pass leaves."""

CACHES = ("key_cache.", "value_cache.")
HEAD_FOLLOWERS = {"Add", "Multiply", "Divide", "Tanh", "Convert", "Reshape"}
"""What may stand between the last matrix product and the logits."""

PRODUCTS = {"MatMul", "TileProduct"}


def paged(model: ov.Model, facts: Architecture | None = None) -> ov.Model:
    """Change a stateful decoder into one that reads blocks and gives the logits of chosen rows only; returns it.

    `facts` are of a graph made here, whose windows and soft cap are yet to be set; None: the graph has its own masks.

    Raises ModelInvalid where the pass is missing, does not match, or leaves other inputs than are known here.
    """
    try:
        from openvino._offline_transformations import paged_attention_transformation
    except ImportError as error:
        raise ModelInvalid(f"openvino {ov.__version__} has no paged attention: version 2026.4.1 has") from error
    try:
        paged_attention_transformation(model)
    except RuntimeError as error:
        raise ModelInvalid(f"its attention cannot be paged: {openvino_reason(str(error))}") from error
    if facts is not None and facts.attention_softcap:
        cap_attention(model, facts)
    elif facts is not None:
        set_windows(model, facts.windows)
    return sampling(model)


def sampling(model: ov.Model) -> ov.Model:
    """Change a paged graph into one that gives the logits of chosen rows only; returns it. Raises ModelInvalid."""
    _sample_rows(model)
    check_inputs(model)
    return model


def complete(model: ov.Model, kv_heads: int, head_dim: int) -> None:
    """Tell a paged graph that was read from a file what the pass told the one that it paged.

    How caches are held is left open again, for the plug-in to say: it would take a cache of f16 that is written in the
    graph for numbers of the model's own, and make f32 of all of it at each step.
    """
    parameters = {each.get_friendly_name(): each for each in model.get_parameters()}
    for node in model.get_ops():
        if node.get_type_name() == "PagedAttentionExtension":
            known = node.get_rt_info()
            known["num_k_heads"] = known["num_v_heads"] = kv_heads
            known["k_head_size"] = known["v_head_size"] = head_dim
            for port in node.inputs():
                name = port.get_source_output().get_node().get_friendly_name()
                if name.startswith(CACHES):
                    parameters[name].set_element_type(ov.Type.dynamic)


def check_inputs(model: Any) -> None:
    """Raises ModelInvalid where the inputs of a paged graph, or of one compiled, are not those that a step gives."""
    found: Mapping[str, str] = {port.any_name: port.element_type.get_type_name() for port in model.inputs}
    small = {name: kind for name, kind in found.items() if not name.startswith(CACHES)}
    if small != STEP_INPUTS:
        unlike = sorted(set(small.items()) ^ set(STEP_INPUTS.items()))
        raise ModelInvalid(f"paged, it has other inputs than a step gives: {', '.join(map(':'.join, unlike))}")
    if len(small) == len(found):
        raise ModelInvalid("it has no layer whose keys and values are cached")


def _sample_rows(model: ov.Model) -> None:
    """Gather the wanted rows before the last matrix: a step pays for the logits that it samples, not for all."""
    results = model.get_results()
    if len(results) != 1:
        raise ModelInvalid(f"it has {len(results)} outputs; a decoder has one, the logits", "logits")
    node = results[0].input_value(0).get_node()
    while node.get_type_name() in HEAD_FOLLOWERS:
        node = node.input_value(0).get_node()
    if node.get_type_name() not in PRODUCTS:
        raise ModelInvalid(f"its logits come from {node.get_type_name()}, not from a matrix product", "logits")
    wanted = op.parameter([-1], ov.Type.i64, name="sample_at")
    wanted.output(0).get_tensor().set_names({"sample_at"})
    rows = op.gather(node.input_value(0), wanted, op.constant(np.int64(0)))
    node.input(0).replace_source_output(rows.output(0))
    model.add_parameters([wanted])
    model.validate_nodes_and_infer_types()
