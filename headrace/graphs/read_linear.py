"""Products with constant matrices, sums and norms in a graph that was read, under whatever quantisation they are."""

from typing import NamedTuple

import msgspec
import numpy as np
import openvino as ov

from headrace.graphs.read_rounding import Floats, constant_and_other, last_axis, plain, scaled
from headrace.graphs.values import EXAMPLES, Foreign, Graph, Key, key, kind, source, sources

MOST_TERMS = 8
"""Of one sum."""

CODES = {"i8": "I8", "u8": "I8", "i4": "I4", "u4": "I4"}
"""What kind of weight a constant's type makes."""

ROUNDING = {
    "Add",
    "Clamp",
    "Convert",
    "Divide",
    "Maximum",
    "Minimum",
    "Multiply",
    "ReduceMax",
    "ReduceMin",
    "Round",
    "Subtract",
}
"""What codes of a tensor's own range are made by."""

NEARLY = 1e-4
"""As a part: of steps that are the same but for how they were computed."""

PROBES = ((1.0, -128), (0.5, -100), (0.25, 0), (2.0, -255))
"""A step between neighbours and the lowest code: tensors that are exactly what their 256 codes say."""


class Held(msgspec.Struct, frozen=True):
    """A Weight that lies in memory."""

    values: Floats
    kind: str = "F32"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def dense(self) -> Floats:
        return self.values

    def cut(self, begin: int, end: int) -> "Held":
        return Held(self.values[begin:end], self.kind)


class Product(NamedTuple):
    """`source` [..., in] times a matrix [out, in]."""

    source: ov.Output
    matrix: Held


class Affine(NamedTuple):
    """A product, and a bias [out] where there is one."""

    source: ov.Output
    matrix: Held
    bias: Floats | None

    def times(self, factor: float) -> "Affine":
        bias = None if self.bias is None else self.bias * np.float32(factor)
        return Affine(self.source, Held(self.matrix.values * np.float32(factor), self.matrix.kind), bias)

    def cut(self, begin: int, end: int) -> "Affine":
        """Of what it gives, from `begin` to before `end`."""
        return Affine(self.source, self.matrix.cut(begin, end), None if self.bias is None else self.bias[begin:end])


class Norm(NamedTuple):
    """A layer norm along the last axis."""

    source: ov.Output
    weight: Floats
    bias: Floats
    eps: float


def norm(graph: Graph, output: ov.Output) -> Norm:
    """Raises Foreign where it is none."""
    output = plain(graph, output)
    found = _norm_parts(graph, output)
    if found is None:
        raise Foreign(f"{output.get_node().get_friendly_name()} is no layer norm")
    mvn, weight, bias = found
    told, axes = mvn.get_node().get_attributes(), graph.constant(source(mvn, 1)).tolist()
    right = told["normalize_variance"] and str(told["eps_mode"]).lower() == "inside_sqrt"
    shape = graph.shape(mvn, EXAMPLES[0])
    if not right or axes not in ([-1], [2]) or len(shape) != 3:
        raise Foreign(f"{mvn.get_node().get_friendly_name()} is another norm")
    width = shape[2]
    return Norm(source(mvn), last_axis(weight, width), last_axis(bias, width), float(np.float32(told["eps"])))


def _norm_parts(graph: Graph, output: ov.Output) -> tuple[ov.Output, Floats, Floats] | None:
    """What is brought to one mean and spread, and the weight and bias behind it."""
    weight, bias = np.ones(1, np.float32), np.zeros(1, np.float32)
    for operation in ("Add", "Multiply"):
        found = constant_and_other(graph, output) if kind(output) == operation else None
        if found is not None and operation == "Add":
            bias, output = found
        elif found is not None:
            weight, output = found
    return (output, weight, bias) if kind(output) == "MVN" and len(sources(output)) == 2 else None


def terms(graph: Graph, output: ov.Output) -> list[ov.Output]:
    """What is summed, as far as sums go, a layer norm being one term; without rounding."""
    found: list[ov.Output] = []
    ahead = [output]
    while ahead:
        at = plain(graph, ahead.pop())
        if kind(at) == "Add" and _norm_parts(graph, at) is None:
            ahead.extend(reversed(sources(at)))
        else:
            found.append(at)
        if len(found) + len(ahead) > MOST_TERMS:
            raise Foreign(f"{output.get_node().get_friendly_name()} is a sum of too much")
    return found


def affine(graph: Graph, output: ov.Output) -> Affine:
    """Raises Foreign where it is no product with a constant matrix plus constants."""
    found, others = affine_and_others(graph, output)
    if others:
        raise Foreign(f"{output.get_node().get_friendly_name()} is no product")
    return found


def affine_and_others(graph: Graph, output: ov.Output) -> tuple[Affine, list[ov.Output]]:
    """Of a sum the one product with its bias, and what else is summed. Raises Foreign where there is no one product."""
    products, others, constants = [], [], []
    for term in terms(graph, output):
        if graph.steady(term) is not None:
            constants.append(graph.constant(term))
        elif (found := product(graph, term)) is not None:
            products.append(found)
        else:
            others.append(term)
    if len(products) != 1:
        raise Foreign(f"{output.get_node().get_friendly_name()} is a sum of {len(products)} products")
    matrix = products[0].matrix
    biases = [last_axis(each, matrix.shape[0]) for each in constants]
    bias: Floats | None = np.asarray(np.sum(biases, axis=0), np.float32) if biases else None
    return Affine(products[0].source, matrix, bias), others


def product(graph: Graph, output: ov.Output) -> Product | None:
    """A product of three axes with a constant matrix, and factors of what comes out of it; None where it is none.

    Raises Foreign where it is one of which something is not understood.
    """
    factors, steps = np.ones(1, np.float32), []
    while kind(output) in ("Multiply", "Convert"):
        if kind(output) == "Convert":
            if output.get_element_type() != ov.Type.f32 or source(output).get_element_type() != ov.Type.i32:
                return None
            output = source(output)
            continue
        if (found := constant_and_other(graph, output)) is not None:
            factors, output = factors * last_axis(found[0]), found[1]
            continue
        wide = [len(graph.shape(each, EXAMPLES[0])) == 3 for each in sources(output)]
        if wide not in ([True, False], [False, True]):
            return None
        steps.append(source(output, wide.index(False)))
        output = source(output, wide.index(True))
    if kind(output) != "MatMul" or graph.reads(source(output, 1)):
        return None
    held = _matrix(graph, output)
    if not steps:
        given, columns = scaled(graph, source(output))
        values = held.values * last_axis(columns, held.shape[1])
    else:
        given, rows = _from_own_range(graph, source(output), steps, held.shape[1])
        values, factors = held.values, factors * rows
        held = Held(held.values, "I8")
    return Product(given, Held(values * last_axis(factors, held.shape[0])[:, None], held.kind))


def _matrix(graph: Graph, output: ov.Output) -> Held:
    """The constant of a product, [out, in]."""
    told, values = output.get_node().get_attributes(), graph.constant(source(output, 1))
    if told["transpose_a"] or values.ndim < 2 or values.size != values.shape[-1] * values.shape[-2]:
        raise Foreign(f"{output.get_node().get_friendly_name()} is another product")
    values = values.reshape(values.shape[-2:])
    types = {each.get_element_type().get_type_name() for each in graph.above(source(output, 1)) if _wide(each)}
    kinds = {CODES[each] for each in types if each in CODES}
    return Held(np.ascontiguousarray(values if told["transpose_b"] else values.T), min(kinds, default="F32"))


def _wide(output: ov.Output) -> bool:
    return kind(output) == "Constant" and len(output.get_shape()) > 1


def _from_own_range(graph: Graph, codes: ov.Output, steps: list[ov.Output], width: int) -> tuple[ov.Output, Floats]:
    """The tensor that codes are of, where `steps` multiplied are the step between them, and the constant factors,
    one or one an output, that are in the steps besides.

    Raises Foreign where codes times steps are not the tensor: tried with tensors that are exactly what codes say.
    """
    reduced: dict[Key, ov.Output] = {}
    for step in steps:
        for each in graph.above(step, reduced):
            if kind(each) in ("ReduceMax", "ReduceMin"):
                reduced[key(source(each))] = source(each)
                break
    if len(reduced) != 1:
        raise Foreign("codes of several tensors")
    [(name, given)] = reduced.items()
    for end in (codes, *steps):
        for each in graph.above(end, (name,)):
            if graph.reads(each) and kind(each) not in ROUNDING:
                raise Foreign(f"{each.get_node().get_friendly_name()} has no part in making codes")
    lengths = np.resize(np.arange(256), (1, 256 // width + 2, width))
    found = []
    for unit, lowest in PROBES:
        probe = {name: ((lengths + lowest) * unit).astype(np.float32)}
        made = graph.value(codes, probe)
        if made.shape != lengths.shape or not np.allclose(made, lengths + lowest, rtol=0, atol=1e-3):
            raise Foreign("codes of another kind")
        rows: Floats = np.full(1, 1 / unit, np.float32)
        for step in steps:
            rows = rows * last_axis(graph.value(step, probe))
        found.append(rows)
    if not all(np.allclose(each, found[0], rtol=NEARLY, atol=0) for each in found) or not np.isfinite(found[0]).all():
        raise Foreign("a step between codes that is not their own")
    return given, found[0]
