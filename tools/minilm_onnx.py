"""all-MiniLM-L6-v2 as an ONNX file, written from its safetensors: no PyTorch, no export."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

LAYERS, HEADS, HIDDEN, EPSILON = 6, 12, 384, 1e-12
OPSET, IR_VERSION = 20, 10  # Gelu came with opset 20; these are read by every ONNX Runtime of the last years
MASKED = np.finfo(np.float32).min

Weights = Mapping[str, NDArray[np.float32]]


def write_minilm(safetensors: Path, onnx_file: Path) -> None:
    """Write the encoder: input_ids, attention_mask, token_type_ids [batch, tokens] INT64 -> last_hidden_state."""
    onnx.save_model(minilm(load_file(safetensors)), onnx_file)


def minilm(weights: Weights, layers: int = LAYERS, heads: int = HEADS, hidden: int = HIDDEN) -> onnx.ModelProto:
    """The encoder as a graph; the sizes are arguments so that tests can make a small one."""
    graph = _Graph()
    mask = _attention_mask(graph)
    state = _embeddings(graph, weights)
    for layer in range(layers):
        state = _layer(graph, weights, f"encoder.layer.{layer}", state, mask, heads, hidden)
    graph.node("Identity", [state], output="last_hidden_state")
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", hidden])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "minilm", ids, [output], graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="headrace",
    )
    onnx.checker.check_model(model)
    return model


class _Graph:
    """Nodes in order, and the constants that they read."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str = "", **attributes: int | float | list[int]) -> str:
        """Add a node of one output, and give the output's name."""
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def split(self, value: str, parts: int, axis: int) -> list[str]:
        names = [f"Split_{len(self.nodes)}_{part}" for part in range(parts)]
        self.nodes.append(helper.make_node("Split", [value], names, name=names[0], axis=axis, num_outputs=parts))
        return names

    def linear(self, weights: Weights, names: list[str], value: str) -> str:
        """One matrix product for all the linear layers named: their outputs lie side by side."""
        prefix = "+".join(names)
        matrix = np.concatenate([weights[f"{name}.weight"].T for name in names], axis=1)
        bias = np.concatenate([weights[f"{name}.bias"] for name in names])
        product = self.node("MatMul", [value, self.constant(f"{prefix}.weight", matrix)])
        return self.node("Add", [product, self.constant(f"{prefix}.bias", bias)])

    def layer_norm(self, weights: Weights, name: str, value: str) -> str:
        scale = self.constant(f"{name}.weight", weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        return self.node("LayerNormalization", [value, scale, bias], axis=-1, epsilon=EPSILON)


def _attention_mask(graph: _Graph) -> str:
    """[batch, 1, 1, tokens]: 0 where a token may be looked at, the lowest float where not."""
    axes = graph.constant("mask_axes", np.array([1, 2], np.int64))
    zero, masked = (graph.constant(name, np.array(value, np.float32)) for name, value in (("0", 0), ("-", MASKED)))
    seen = graph.node("Cast", ["attention_mask"], to=TensorProto.BOOL)
    return graph.node("Unsqueeze", [graph.node("Where", [seen, zero, masked]), axes])


def _embeddings(graph: _Graph, weights: Weights) -> str:
    """The sum of word, kind and position, normalised."""

    def table(name: str) -> str:
        return graph.constant(f"embeddings.{name}", weights[f"embeddings.{name}_embeddings.weight"])

    words = graph.node("Gather", [table("word"), "input_ids"])
    kinds = graph.node("Gather", [table("token_type"), "token_type_ids"])
    tokens = graph.node("Shape", ["input_ids"], start=1, end=2)
    start, axis = graph.constant("start", np.zeros(1, np.int64)), graph.constant("axis", np.zeros(1, np.int64))
    positions = graph.node("Slice", [table("position"), start, tokens, axis])
    total = graph.node("Add", [graph.node("Add", [words, kinds]), positions])
    return graph.layer_norm(weights, "embeddings.LayerNorm", total)


def _layer(graph: _Graph, weights: Weights, name: str, state: str, mask: str, heads: int, hidden: int) -> str:
    """Attention, then a feed-forward network, each added to its input and normalised."""
    attended = _attention(graph, weights, f"{name}.attention", state, mask, heads, hidden)
    inner = graph.node("Gelu", [graph.linear(weights, [f"{name}.intermediate.dense"], attended)])
    outer = graph.linear(weights, [f"{name}.output.dense"], inner)
    return graph.layer_norm(weights, f"{name}.output.LayerNorm", graph.node("Add", [outer, attended]))


def _attention(graph: _Graph, weights: Weights, name: str, state: str, mask: str, heads: int, hidden: int) -> str:
    """Every head looks at every token that the mask shows."""
    size = hidden // heads
    apart = graph.constant(f"{name}.apart", np.array([0, 0, heads, size], np.int64))
    together = graph.constant(f"{name}.together", np.array([0, 0, hidden], np.int64))
    scale = graph.constant(f"{name}.scale", np.array(size**-0.5, np.float32))
    joined = graph.linear(weights, [f"{name}.self.{part}" for part in ("query", "key", "value")], state)
    query, key, value = (graph.node("Reshape", [part, apart]) for part in graph.split(joined, 3, axis=2))
    query = graph.node("Transpose", [graph.node("Mul", [query, scale])], perm=[0, 2, 1, 3])
    key = graph.node("Transpose", [key], perm=[0, 2, 3, 1])
    value = graph.node("Transpose", [value], perm=[0, 2, 1, 3])
    scores = graph.node("Add", [graph.node("MatMul", [query, key]), mask])
    seen = graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), value])
    merged = graph.node("Reshape", [graph.node("Transpose", [seen], perm=[0, 2, 1, 3]), together])
    output = graph.linear(weights, [f"{name}.output.dense"], merged)
    return graph.layer_norm(weights, f"{name}.output.LayerNorm", graph.node("Add", [output, state]))
