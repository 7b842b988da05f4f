"""Attention of all tokens to all tokens but padding, in a graph that was read: its projections, whatever its scale."""

import math
from typing import NamedTuple

import numpy as np
import openvino as ov

from headrace.graphs.read_linear import Affine, affine
from headrace.graphs.read_rounding import NEAR, evenly_scaled, plain
from headrace.graphs.values import EXAMPLES, SIZES, Array, Foreign, Graph, key, kind, source, sources

APART, LAST_TURNED = (0, 2, 1, 3), (0, 2, 3, 1)
"""[batch, tokens, heads, dim] as [batch, heads, tokens, dim], and as [batch, heads, dim, tokens]."""

HIDDEN = -1e4
"""At most what is added to the score of what may not be seen."""

MASKS = {
    (2, 3): ([1, 1, 0], [1, 0, 0]),
    (3, 5): ([1, 1, 1, 1, 1], [0, 1, 1, 0, 1], [1, 1, 1, 0, 0]),
    (1, 1): ([1],),
}
"""Examples, 0 being padding."""


class Mask(NamedTuple):
    """What says which tokens are seen; of truth values, where it `hides`, which are not."""

    output: ov.Output
    hides: bool = False


class Attention(NamedTuple):
    """What each head is given, from one `source`; scores are multiplied by 1 / sqrt(dim).

    The mask has been tried on few tokens: see `check_on_many`.
    """

    source: ov.Output
    q: Affine
    k: Affine
    v: Affine
    heads: int
    dim: int
    mask: Mask


class _Heads(NamedTuple):
    """One of a layer's three projections, cut in heads."""

    projection: Affine
    factor: float  # that it is multiplied by
    heads: int
    dim: int


class _Core(NamedTuple):
    """Where heads meet: outputs of four axes, and how the axes of what was [batch, tokens, heads, dim] stand."""

    q: tuple[ov.Output, tuple[int, ...]]
    k: tuple[ov.Output, tuple[int, ...]]
    v: tuple[ov.Output, tuple[int, ...]]
    mask: Mask
    scale: float | None  # None: 1 / sqrt(dim)


def attention(graph: Graph, output: ov.Output) -> Attention:
    """Of what heads give, joined: [batch, tokens, heads * dim]. Raises Foreign where it is something else."""
    output = plain(graph, output)
    if kind(output) != "Reshape":
        raise Foreign(f"{output.get_node().get_friendly_name()} joins no heads")
    inner, factor, order = _turned(graph, source(output))
    core = _core(graph, inner)
    q, k, v = (_heads(graph, *each) for each in (core.q, core.k, core.v))
    heads, dim = q.heads, q.dim
    if order != APART or {(each.heads, each.dim) for each in (q, k, v)} != {(heads, dim)}:
        raise Foreign(f"{output.get_node().get_friendly_name()} joins heads that are not alike")
    _check_shapes(graph, source(output), output, heads, dim)
    scale = q.factor * k.factor * (1 if core.scale is None else core.scale * math.sqrt(dim))
    bare = [each.projection for each in (q, k, v)]
    given = {key(each.source) for each in bare}
    if len(given) != 1 or not math.isfinite(scale) or scale == 0:
        raise Foreign(f"{output.get_node().get_friendly_name()} attends to something else")
    values = _times(bare[2], v.factor * factor)
    return Attention(bare[0].source, _times(bare[0], scale), bare[1], values, heads, dim, core.mask)


def check_on_many(graph: Graph, mask: Mask, tokens: int) -> None:
    """Raises Foreign where the mask does not let all of so many tokens see all but padding: a window may be wide."""
    row = np.ones(tokens, np.int64)
    row[[1, tokens // 2, -1]] = 0
    _check(graph, mask, row[None])


def _times(projection: Affine, factor: float) -> Affine:
    """As it is where the factor differs from 1 by last bits: they are the file's own rounding."""
    return projection if math.isclose(factor, 1, rel_tol=NEAR) else projection.times(factor)


def _turned(graph: Graph, output: ov.Output) -> tuple[ov.Output, float, tuple[int, ...]]:
    """What lies under factors and transpositions, the factor, and which of its axes stands where."""
    factor = 1.0
    order: tuple[int, ...] = (0, 1, 2, 3)
    while True:
        output, found = evenly_scaled(graph, output)
        factor *= float(found[0])
        if kind(output) != "Transpose":
            return output, factor, order
        axes = [int(axis) for axis in graph.constant(source(output, 1))]
        if sorted(axes) != [0, 1, 2, 3]:
            raise Foreign(f"{output.get_node().get_friendly_name()} turns other axes")
        output, order = source(output), tuple(axes[axis] for axis in order)


def _heads(graph: Graph, output: ov.Output, order: tuple[int, ...]) -> _Heads:
    cut, factor, found = _turned(graph, output)
    if found != order or kind(cut) != "Reshape":
        raise Foreign(f"{output.get_node().get_friendly_name()} is not cut in heads")
    shape = graph.shape(cut, EXAMPLES[0])
    if len(shape) != 4:
        raise Foreign(f"{cut.get_node().get_friendly_name()} cuts no heads")
    _check_shapes(graph, cut, source(cut), *shape[2:])
    joined, more = evenly_scaled(graph, source(cut))
    projection = _projection(graph, joined)
    if projection.matrix.shape[0] != shape[2] * shape[3]:
        raise Foreign(f"{joined.get_node().get_friendly_name()} is of another width")
    return _Heads(projection, factor * float(more[0]), shape[2], shape[3])


def _check_shapes(graph: Graph, apart: ov.Output, joined: ov.Output, heads: int, dim: int) -> None:
    """Raises Foreign where one is not the other, cut in heads: numbers of one token staying together."""
    for batch, tokens in EXAMPLES:
        shapes = graph.shape(apart, (batch, tokens)), graph.shape(joined, (batch, tokens))
        if shapes != ((batch, tokens, heads, dim), (batch, tokens, heads * dim)):
            raise Foreign(f"{joined.get_node().get_friendly_name()} is of shape {shapes}")


def _projection(graph: Graph, output: ov.Output) -> Affine:
    """A product of its own, or a part of one that was split."""
    if kind(output) not in ("Split", "VariadicSplit"):
        return affine(graph, output)
    whole = affine(graph, source(output))
    if graph.constant(source(output, 1)).tolist() not in (-1, 2, [-1], [2]):
        raise Foreign(f"{output.get_node().get_friendly_name()} splits another axis")
    ends = np.cumsum([graph.shape(each, EXAMPLES[0])[-1] for each in output.get_node().outputs()])
    if ends[-1] != whole.matrix.shape[0]:
        raise Foreign(f"{output.get_node().get_friendly_name()} is of another width")
    begins = [0, *ends.tolist()]
    return whole.cut(begins[output.get_index()], begins[output.get_index() + 1])


def _core(graph: Graph, output: ov.Output) -> _Core:
    if kind(output) == "ScaledDotProductAttention":
        given = sources(output)
        if len(given) not in (4, 5) or output.get_node().get_attributes()["causal"]:
            raise Foreign(f"{output.get_node().get_friendly_name()} is another attention")
        mask = _mask(graph, given[3], graph.shape(output, EXAMPLES[0])[1])
        q, k, v = ((each, APART) for each in given[:3])
        return _Core(q, k, v, mask, _number(graph, given[4]) if len(given) == 5 else None)
    if kind(output) != "MatMul":
        raise Foreign(f"{output.get_node().get_friendly_name()} is no attention")
    turned, told = source(output, 1), output.get_node().get_attributes()
    likely = _shares(graph, plain(graph, source(output)))
    if told["transpose_a"] or kind(likely) != "Softmax" or likely.get_node().get_attributes()["axis"] not in (-1, 3):
        raise Foreign(f"{output.get_node().get_friendly_name()} is of no softmax")
    scores, scale, mask = _scores(graph, source(likely))
    flags = scores.get_node().get_attributes()
    q = source(scores), LAST_TURNED if flags["transpose_a"] else APART
    k = source(scores, 1), APART if flags["transpose_b"] else LAST_TURNED
    return _Core(q, k, (turned, LAST_TURNED if told["transpose_b"] else APART), mask, scale)


def _shares(graph: Graph, output: ov.Output) -> ov.Output:
    """Without a choice of 0 where a row sees nothing and is no number: every token sees at least one."""
    if kind(output) != "Select" or kind(source(output)) != "IsNaN":
        return output
    condition, other, shares = sources(output)
    zero = graph.steady(other)
    if key(source(condition)) != key(shares) or zero is None or zero.any():
        raise Foreign(f"{output.get_node().get_friendly_name()} chooses other shares")
    return plain(graph, shares)


def _scores(graph: Graph, output: ov.Output) -> tuple[ov.Output, float, Mask]:
    """The product of queries and keys under its mask, what it is multiplied by, and the mask."""
    masked = plain(graph, output)
    shape = graph.shape(masked, EXAMPLES[0])
    if len(shape) != 4:
        raise Foreign(f"{masked.get_node().get_friendly_name()} has other axes")
    heads = shape[1]
    if kind(masked) == "Add":
        whose = ["input_ids" in graph.reads(each) for each in sources(masked)]
        if sorted(whose) != [False, True]:
            raise Foreign(f"{masked.get_node().get_friendly_name()} adds no mask")
        mask = _mask(graph, source(masked, whose.index(False)), heads)
        inner = source(masked, whose.index(True))
    elif kind(masked) == "Select":
        condition, *branches = sources(masked)
        steady = [graph.steady(each) for each in branches]
        first = steady[0] is not None
        filled, inner = (steady[0], branches[1]) if first else (steady[1], branches[0])
        if filled is None or not (filled <= HIDDEN).all():
            raise Foreign(f"{masked.get_node().get_friendly_name()} hides nothing")
        mask = _mask(graph, condition, heads, hides=first)
    else:
        raise Foreign(f"{masked.get_node().get_friendly_name()} has no mask")
    scores, factor = evenly_scaled(graph, inner)
    if kind(scores) != "MatMul":
        raise Foreign(f"{scores.get_node().get_friendly_name()} is no product of queries and keys")
    return scores, float(factor[0]), mask


def _number(graph: Graph, output: ov.Output) -> float:
    found = graph.constant(output)
    if found.size != 1:
        raise Foreign(f"{output.get_node().get_friendly_name()} is not one number")
    return float(found.reshape(-1)[0])


def _mask(graph: Graph, output: ov.Output, heads: int, *, hides: bool = False) -> Mask:
    """Raises Foreign where it does not let all tokens of the examples see all tokens but padding."""
    if not {"attention_mask"} <= graph.reads(output) <= {"attention_mask", SIZES}:
        raise Foreign(f"{output.get_node().get_friendly_name()} is no mask of padding")
    mask = Mask(output, hides)
    for (batch, tokens), rows in MASKS.items():
        shape = _check(graph, mask, np.array(rows)).shape
        if len(shape) > 4 or shape[-3:-2] not in ((), (1,), (heads,)):
            raise Foreign(f"{output.get_node().get_friendly_name()} is of shape {shape} for {batch} texts of {tokens}")
    return mask


def _check(graph: Graph, mask: Mask, rows: Array) -> Array:
    """Its values for rows [batch, tokens] of 1 and 0. Raises Foreign where they hide anything but the zeros."""
    name, port = mask.output.get_node().get_friendly_name(), graph.inputs["attention_mask"]
    batch, tokens = rows.shape
    example = rows.astype(port.get_element_type().to_dtype())
    found = graph.value(mask.output, {key(port): example}, (batch, tokens))
    expected = rows.astype(bool)[:, None, None, :]
    try:
        right = np.broadcast_shapes(found.shape[-4:], (batch, 1, tokens, tokens))[0] == batch
    except ValueError as fault:
        raise Foreign(f"{name} is of shape {found.shape}") from fault
    if not right or not (_seen(found, hides=mask.hides) == expected).all():
        raise Foreign(f"{name} is another mask")
    return found


def _seen(mask: Array, *, hides: bool) -> Array:
    """1 where a token is seen, 0 where it is not, -1 where it is not clear."""
    if mask.dtype == bool:
        return (mask ^ hides).astype(np.int8)
    found = np.full(mask.shape, -1, np.int8)
    if not hides:
        found[mask == 0], found[mask <= HIDDEN] = 1, 0
    return found
