"""Nodes of the library's operations."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import openvino as ov
import openvino.opset15 as op
from openvino.utils.node_factory import NodeFactory

from headrace.kernels import codes4
from headrace.kernels.codes4 import Read
from headrace.kernels.halves import float_panels
from headrace.kernels.panels import HALF, PANEL_ROWS, Codes, Floats, panels, scales_of_panels, side_by_side, up_to

Node = Any
"""An OpenVINO node; the library has no types to import."""

Bend = Literal["silu", "gelu_tanh", "gelu"]

PRODUCT, FLOAT_PRODUCT, NORM = "TileProduct", "TileFloatProduct", "TileNorm"
MULTIPLYING = {PRODUCT, FLOAT_PRODUCT, "TileRows", "TileEncoderLayer"}
"""Operations on matrices."""

MOST_WIDTH = 1 << 17
"""Of a matrix's rows: more products of 127 by 127 could add up to more than 32 bits hold."""

PLAIN: Mapping[str, Any] = {"normed": False, "epsilon": 0.0, "biased": False, "narrow": False}
"""A product of rows as they are, of codes of 16 bits."""

NOTHING: Mapping[str, Node] = {}

BLOCK_TOKENS, SCALE_BYTES = 32, 4
"""Of a block of a cache, and of each token's scale in it."""


class Heads(msgspec.Struct, frozen=True):
    """What a layer's attention is made of."""

    query_heads: int
    kv_heads: int
    dim: int
    scale: float
    cap: float  # of scores; 0: none
    window: int  # tokens that are seen, the own among them; 0: all


class TurnedHeads(Heads, frozen=True):
    """What is done to queries and keys before they meet, too."""

    turned: int  # so many of a head's first numbers are turned by the token's position
    epsilon: float  # of norms
    norm: Literal["none", "heads", "joint"]  # of queries and keys: of each head, or of all of a token's


class Matrix(msgspec.Struct, frozen=True):
    """Constants of a graph: codes in panels, and a scale a row; for as many products as there are."""

    codes: Node
    scales: Node
    rows: int
    width: int
    bits: int = 8


def matrix(codes: Codes, scales: Floats) -> Matrix:
    """Of codes [out, in] and scales [out, 1]; holds copies."""
    rows, width = codes.shape
    return Matrix(op.constant(panels(codes)), op.constant(scales_of_panels(scales)), rows, width)


def gated_matrix(gate: tuple[Codes, Floats], other: tuple[Codes, Floats]) -> Matrix:
    """Of the codes and scales of two matrices [out, in] that one `gated_product` multiplies with."""
    rows, width = gate[0].shape
    codes, scales = side_by_side(gate[0], other[0]), side_by_side(gate[1], other[1])
    return Matrix(op.constant(panels(codes)), op.constant(scales_of_panels(scales)), rows, width)


def matrix4(read: Read, rows: int, width: int) -> Matrix:
    """Of numbers [rows, width], which become codes of 4 bits."""
    codes, scales = codes4.packed(read, rows, width)
    return Matrix(op.constant(codes), op.constant(scales_of_panels(scales)), rows, width, bits=4)


def gated_matrix4(gate: Read, other: Read, rows: int, width: int) -> Matrix:
    """Of the numbers of two matrices [rows, width] that one `gated_product` multiplies with."""

    def read(begin: int, end: int) -> Floats:
        begin, end = begin // 2, min(end // 2, rows)
        return side_by_side(gate(begin, end), other(begin, end))

    return msgspec.structs.replace(matrix4(read, 2 * up_to(rows, HALF), width), rows=rows)


def product(library: Path, x: Node, weights: Matrix, bias: Floats | None = None, narrow: bool = False) -> Node:
    """x [..., in] times the matrix, plus bias [out] where there is one: [..., out], float32. `narrow`: x is rounded to
    codes of 8 bits, each row by itself, and not of 16."""
    return _product(library, x, weights, {"gated": False, "bend": "none", "narrow": narrow}, bias)


def gated_product(library: Path, x: Node, weights: Matrix, bend: Bend) -> Node:
    """bend(gate x) * other x of x [..., in]: [..., out], float32."""
    return _product(library, x, weights, {"gated": True, "bend": bend})


def float_product(library: Path, x: Node, read: Read, width: int, bias: Floats) -> Node:
    """x [..., width] times a matrix [out, width], of finite numbers, plus bias [out]: [..., out], float32. Products are
    within 2^-17 of exact ones; it holds copies."""
    rows = bias.size
    ports = _ports(x, op.constant(float_panels(read, rows, width)), _of_panels(bias))
    return _factory(library).create(FLOAT_PRODUCT, ports, {"outputs": rows, "bend": "none"})


def bent(library: Path, found: Node, bend: Bend) -> Node | None:
    """bend(found), by the product that found is; None where it is none that bends."""
    if not _takes_more(found):
        return None
    return _factory(library).create(
        found.get_type_name(), found.input_values(), {**found.get_attributes(), "bend": bend}
    )


def norm(library: Path, x: Node, weight: Node, epsilon: float) -> Node:
    """x [..., n] over its root mean square, times weight [n]; products of it do that by themselves."""
    return _factory(library).create(NORM, _ports(x, weight), {"epsilon": epsilon})


def added(library: Path, x: Node, found: Node) -> Node:
    """x + found, both of one shape: by the product that found is, where it is one of ours and no sum yet."""
    if not _takes_more(found):
        return op.add(x, found)
    return _factory(library).create(found.get_type_name(), [*found.input_values(), *_ports(x)], found.get_attributes())


def _takes_more(found: Node) -> bool:
    """Whether it is a product of ours that has neither gate nor sum: it can bend what it gives, and add to it."""
    if found.get_type_name() not in (PRODUCT, FLOAT_PRODUCT):
        return False
    told = found.get_attributes()
    return not told.get("gated") and found.get_input_size() == 3 + told.get("normed", False) + told.get("biased", False)


def layer_norm(library: Path, x: Node, weight: Node, bias: Node, epsilon: float) -> Node:
    """x [..., n] less its mean, over its standard deviation, times weight [n], plus bias [n]."""
    return _factory(library).create(NORM, _ports(x, weight, bias), {"epsilon": epsilon})


def _product(library: Path, x: Node, weights: Matrix, told: dict[str, Any], bias: Floats | None = None) -> Node:
    ports = _ports(x, weights.codes, weights.scales)
    told = {**PLAIN, "bits": weights.bits, "outputs": weights.rows, **told}
    if (normed := ports[0].get_node()).get_type_name() == NORM and normed.get_input_size() == 2:
        ports[0], weight = normed.input_values()
        ports.append(weight)
        told |= {"normed": True, "epsilon": normed.get_attributes()["epsilon"]}
    if bias is not None:
        ports.append(_of_panels(bias).output(0))
        told["biased"] = True
    return _factory(library).create(PRODUCT, ports, told)


def rows(library: Path, ids: Node, weights: Matrix) -> Node:
    """Rows of the matrix by ids [...] of i32: [..., in], float32."""
    return _factory(library).create("TileRows", _ports(ids, weights.codes, weights.scales), {"width": weights.width})


def attention(library: Path, inputs: Sequence[Node], heads: TurnedHeads) -> Node:
    """Of queries, keys and values side by side [tokens, 1, ...], cosines and sines of half a turned head, both caches,
    past_lens, begins, blocks and block_begins, as the paged-attention pass has them, and with norms their weights for
    queries and keys; writes to the caches. [tokens, 1, query_heads * dim], float32."""
    return _factory(library).create("TileAttention", _ports(*inputs), msgspec.structs.asdict(heads))


def text_attention(
    library: Path, joined: Node, begins: Node, heads: int, scale: float, seen: Node | None = None, narrow: bool = False
) -> Node:
    """Of queries, keys and values side by side [tokens, 3 * width] of texts one behind another, which begin at `begins`
    [texts + 1] of i32, the last of which is the number of tokens. Every token sees the first `seen` [texts] of i32 of
    its text, or all. `narrow`: numbers are rounded to bfloat16. [tokens, width], float32."""
    width = joined.get_output_partial_shape(0)[-1].get_length() // 3
    told = {"heads": heads, "dim": width // heads, "scale": scale, "narrow": narrow}
    ports = _ports(joined, begins) if seen is None else _ports(joined, begins, seen)
    return _factory(library).create("TileTextAttention", ports, told)


class EncoderHeads(msgspec.Struct, frozen=True):
    """What a whole layer of an encoder is made of, beside its matrices."""

    heads: int
    dim: int
    inner: int  # numbers between the products of its feed-forward half
    scale: float  # of scores
    epsilon: float  # of norms
    bend: Bend


Biased = tuple[Matrix, Floats]
"""A matrix of 8-bit codes and a bias for each of its rows."""


def encoder_layer(
    library: Path,
    texts: Sequence[Node],
    matrices: Sequence[Biased],
    norms: Sequence[tuple[Floats, Floats]],
    about: EncoderHeads,
) -> Node:
    """A whole layer, numbers being rounded to codes of 8 bits before each product and to bfloat16 within attention:
    LayerNorm behind attention and behind the feed-forward half, each with what it is added to.

    `texts` are x [tokens, hidden], one text behind another, where they begin and the last one ends, [texts + 1] of i32,
    and how many tokens of each are seen, the first ones, [texts] of i32. `matrices` are those of queries, keys and
    values, one under another, of what these come to, of up and of down; `norms` weights and biases. [tokens, hidden],
    float32.
    """
    held = [node for matrix, bias in matrices for node in (matrix.codes, matrix.scales, _of_panels(bias))]
    held += [op.constant(values) for norm in norms for values in norm]
    return _factory(library).create("TileEncoderLayer", _ports(*texts, *held), msgspec.structs.asdict(about))


def own_constants(model: ov.Model, like: Mapping[str, Node] = NOTHING) -> None:
    """Have all constants of a graph that was read from a file, and has operations of ours, in memory; changes `model`.

    Our operations read matrices where they lie. In a mapped file that is in small pages, and at any address; and as
    long as any is read there the file stays mapped. What is the same as the constant of that name in `like`, which
    another graph has, is this one.
    """
    for name, held in constants(model).items():
        other = like.get(name)
        owned = other if other is not None and _same(held, other) else op.constant(held.data)
        owned.set_friendly_name(name)
        for port in held.output(0).get_target_inputs():
            port.replace_source_output(owned.output(0))


def constants(model: ov.Model) -> Mapping[str, Node]:
    """Those of a graph that has operations of ours, by name; they live as long as these. Of another graph none."""
    nodes = model.get_ops()
    if not any(node.get_type_name() in MULTIPLYING for node in nodes):
        return NOTHING
    return {node.get_friendly_name(): node for node in nodes if node.get_type_name() == "Constant"}


def _of_panels(bias: Floats) -> Node:
    """A constant, filled up to whole panels."""
    return op.constant(np.pad(bias, (0, up_to(bias.size, PANEL_ROWS) - bias.size)))


def _same(one: Node, other: Node) -> bool:
    return one.get_element_type() == other.get_element_type() and np.array_equal(one.data, other.data)


@cache
def _factory(library: Path) -> NodeFactory:
    factory = NodeFactory()
    factory.add_extension(str(library))
    return factory


def _ports(*nodes: Node) -> list[Any]:
    return [node.output(0) if hasattr(node, "output") else node for node in nodes]
