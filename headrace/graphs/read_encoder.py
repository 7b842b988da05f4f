"""A BERT recognised in an OpenVINO graph, and its weights taken out of it, so that it can be built in our own way.

Nothing is guessed: every node from the output up must be one that is understood, and where a graph may write a thing in
many ways (masks, positions, codes of activations) the numbers it gives are compared with those it must give. Rounding
of activations to codes is left out; codes of weights become the numbers that they stand for.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import openvino as ov
from openvino._offline_transformations import apply_moc_transformations

from headrace.graphs.read_attention import Attention, attention, check_on_many
from headrace.graphs.read_embedding import Embedding, embedding
from headrace.graphs.read_linear import Affine, Held, Norm, affine, affine_and_others, norm
from headrace.graphs.read_rounding import plain
from headrace.graphs.values import Foreign, Graph, key, kind, source
from headrace.weights.checkpoint import Architecture, Checkpoint, Templates, TokenizerSource

INPUTS = ({"input_ids", "attention_mask"}, {"input_ids", "attention_mask", "token_type_ids"})

BENDS: dict[str, Literal["gelu", "gelu_tanh"]] = {"erf": "gelu", "tanh": "gelu_tanh"}
"""By OpenVINO's names."""


class ReadEncoder(msgspec.Struct, frozen=True):
    """An encoder that gives `last_hidden_state`."""

    checkpoint: Checkpoint
    quantised: bool  # whether matrices of its layers are codes of 8 bits, or 4, in the file, or multiplied as such


class _Layer(NamedTuple):
    attention: Attention
    o: Affine
    attention_norm: Norm
    up: Affine
    down: Affine
    ffn_norm: Norm
    bend: Literal["gelu", "gelu_tanh"]


def read_encoder(model: ov.Model, digest: str = "") -> ReadEncoder | None:
    """The encoder that a model [batch, tokens] -> [batch, tokens, hidden] is, under canonical names; None where it is
    anything else than a BERT without a head. The model stays as it is; weights are copies, in float32.

    Inputs must be `input_ids`, `attention_mask` and perhaps `token_type_ids`; where the last changes nothing, the
    architecture has no types, and where types are constant they are in the positions.
    """
    own = model.clone()
    if not _takes_texts(own):
        return None
    try:
        apply_moc_transformations(own, True)
    except RuntimeError:  # shapes that OpenVINO finds only now to be wrong
        return None
    try:
        return _read(Graph(own), own.output(0), digest)
    except Foreign:  # its text is for those who debug; to a caller a graph is read or it is not
        return None


def _takes_texts(model: ov.Model) -> bool:
    """Whether inputs and outputs are those of an encoder, for any number of tokens."""
    names = [name for port in model.inputs for name in sorted(port.get_names())]
    if set(names) not in INPUTS or len(names) != len(model.inputs) or len(set(names)) != len(names):
        return False
    for port in model.inputs:
        shape = port.get_partial_shape()
        if port.get_element_type() not in (ov.Type.i32, ov.Type.i64) or shape.rank.is_dynamic:
            return False
        if len(shape) != 2 or shape[1].is_static:
            return False
    pure = not model.get_sinks() and not model.get_variables()
    return pure and len(model.outputs) == 1 and model.output(0).get_element_type() == ov.Type.f32


def _read(graph: Graph, output: ov.Output, digest: str) -> ReadEncoder:
    x = plain(graph, source(output))
    layers: list[_Layer] = []
    while "attention_mask" in graph.reads(x):
        layer, x = _layer(graph, x)
        layers.insert(0, layer)
    first = norm(graph, x)
    tables = embedding(graph, first.source)
    for mask in {key(layer.attention.mask.output): layer.attention.mask for layer in layers}.values():
        check_on_many(graph, mask, len(tables.places))
    return _encoder(layers, first, tables, digest)


def _layer(graph: Graph, output: ov.Output) -> tuple[_Layer, ov.Output]:
    """The layer that ends here, and what it is given."""
    ffn_norm = norm(graph, output)
    down, middle = _product_and_other(graph, ffn_norm.source)
    if kind(down.source) != "Gelu":
        raise Foreign(f"{down.source.get_node().get_friendly_name()} is another bend")
    told = down.source.get_node().get_attributes().get("approximation_mode", "erf")
    up, attention_norm = affine(graph, source(down.source)), norm(graph, middle)
    o, x = _product_and_other(graph, attention_norm.source)
    heads = attention(graph, o.source)
    if key(up.source) != key(middle) or key(heads.source) != key(x):
        raise Foreign(f"{output.get_node().get_friendly_name()} sums what its layer is not made of")
    return _Layer(heads, o, attention_norm, up, down, ffn_norm, BENDS[str(told).lower()]), x


def _product_and_other(graph: Graph, output: ov.Output) -> tuple[Affine, ov.Output]:
    """What a layer's half adds, and what it adds to."""
    found, others = affine_and_others(graph, output)
    if len(others) != 1:
        raise Foreign(f"{output.get_node().get_friendly_name()} sums {len(others)} besides a product")
    return found, others[0]


def _encoder(layers: Sequence[_Layer], first: Norm, tables: Embedding, digest: str) -> ReadEncoder:
    """Raises Foreign where layers are not alike."""
    norms = [first, *(each for layer in layers for each in (layer.attention_norm, layer.ffn_norm))]
    alike = {(layer.attention.heads, layer.attention.dim, layer.up.matrix.shape[0], layer.bend) for layer in layers}
    if len(alike) != 1 or len({(each.eps, each.weight.size) for each in norms}) != 1:
        raise Foreign("layers are not alike")
    [(heads, dim, intermediate, bend)] = alike
    facts = Architecture(
        family="bert",
        num_layers=len(layers),
        hidden=first.weight.size,
        heads=heads,
        kv_heads=heads,
        head_dim=dim,
        intermediate=intermediate,
        vocabulary=tables.words.shape[0],
        max_context=tables.places.shape[0],
        norm_eps=first.eps,
        activation=bend,
        types=tables.types is not None,
    )
    weights = {"embed": tables.words, "positions": Held(tables.places)} | _of_norm("embed_norm", first)
    if tables.types is not None:
        weights["types"] = Held(tables.types)
    matrices = [_matrices(layer) for layer in layers]
    for index, layer in enumerate(layers):
        of_layer = _of_norm("attention_norm", layer.attention_norm) | _of_norm("ffn_norm", layer.ffn_norm)
        for name, each in matrices[index].items():
            of_layer |= _of_product(name, each, facts)
        weights |= {f"layers.{index}.{name}": weight for name, weight in of_layer.items()}
    checkpoint = Checkpoint(
        source="openvino",
        architecture=facts,
        weights=weights,
        tokenizer=TokenizerSource(),
        chat_templates=Templates(),
        bos_id=None,
        eos_ids=(),
        max_input=facts.max_context,
        digest=digest,
    )
    return ReadEncoder(checkpoint, any(each.matrix.kind != "F32" for of in matrices for each in of.values()))


def _matrices(layer: _Layer) -> dict[str, Affine]:
    """By their canonical names."""
    bare = layer.attention
    return {"q": bare.q, "k": bare.k, "v": bare.v, "o": layer.o, "up": layer.up, "down": layer.down}


def _of_norm(name: str, found: Norm) -> dict[str, Held]:
    return {name: Held(found.weight), f"{name}_bias": Held(found.bias)}


def _of_product(name: str, found: Affine, facts: Architecture) -> dict[str, Held]:
    """Its matrix and bias. Raises Foreign where its shape is not the layer's."""
    width, inner = facts.heads * facts.head_dim, facts.intermediate
    others = {"o": (facts.hidden, width), "up": (inner, facts.hidden), "down": (facts.hidden, inner)}
    if found.matrix.shape != others.get(name, (width, facts.hidden)):
        raise Foreign(f"{name} is of shape {found.matrix.shape}")
    values = [found.matrix.values, *([] if found.bias is None else [found.bias])]
    if not all(np.isfinite(each).all() for each in values):
        raise Foreign(f"{name} is not finite")
    return {name: found.matrix} | ({} if found.bias is None else {f"{name}_bias": Held(found.bias)})
