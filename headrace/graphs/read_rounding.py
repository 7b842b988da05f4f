"""What of a graph that was read only multiplies by constants, or rounds a tensor to codes and back: seen through."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from headrace.graphs.values import Foreign, Graph, kind, source, sources

Floats = NDArray[np.float32]

LEAST_LEVELS = 128
"""Fewer are no rounding that could be left out."""

LEAST_SIDE = 4
"""Steps that a range reaches to each side of 0: a shorter one would bend its tensor as ReLU does."""

ONE_SIDED = ("Softmax", "Gelu")
"""Whose numbers lie at one side of 0, or nearly."""

RANGES = {"u8": (0, 255), "i8": (-128, 127), "i32": (-(2**31), 2**31 - 1), "f32": (-(2**24), 2**24)}
"""Whole numbers that a type holds."""

NEAR = 1e-5
"""As a part: of factors that are the same but for their last bits."""


class Scaled(NamedTuple):
    """An output as a multiple of another one."""

    source: ov.Output
    factor: Floats  # one number, or one for each of the last axis


def scaled(graph: Graph, output: ov.Output) -> Scaled:
    """Without the factors, and the rounding, that were put on it."""
    return _without(graph, output, lambda factor: True)


def evenly_scaled(graph: Graph, output: ov.Output) -> Scaled:
    """Without the factors that are one number, and without rounding."""
    return _without(graph, output, lambda factor: factor.size == 1)


def plain(graph: Graph, output: ov.Output) -> ov.Output:
    """Without rounding alone."""
    return _without(graph, output, lambda factor: bool(np.allclose(factor, 1, rtol=NEAR, atol=0))).source


def last_axis(values: Floats, length: int | None = None) -> Floats:
    """A constant that is the same along all axes but the last: [1], or [n], or [length] where that is given.

    Raises Foreign for another one.
    """
    if values.size != (values.shape[-1] if values.shape else 1):
        raise Foreign("a constant along other axes than the last")
    flat = values.reshape(-1)
    if length is None:
        return flat
    if flat.size not in (1, length):
        raise Foreign(f"a constant of {flat.size} numbers for {length}")
    return np.broadcast_to(flat, (length,)).copy()


def constant_and_other(graph: Graph, output: ov.Output) -> tuple[Floats, ov.Output] | None:
    """The two inputs of a sum or a product, one of which is a constant; None: none is, or both."""
    both = sources(output)
    if len(both) != 2:
        return None
    steady = [graph.steady(each) is not None for each in both]
    if steady[0] == steady[1]:
        return None
    return graph.constant(both[steady.index(True)]), both[steady.index(False)]


def _without(graph: Graph, output: ov.Output, accepts: Callable[[Floats], bool]) -> Scaled:
    factor = np.ones(1, np.float32)
    while (step := _step(graph, output)) is not None and accepts(step.factor):
        output, factor = step.source, factor * step.factor
    return Scaled(output, factor)


def _step(graph: Graph, output: ov.Output) -> Scaled | None:
    """One factor, or one rounding, less; None where there is none."""
    if kind(output) == "FakeQuantize":
        return _rounded(graph, output, np.zeros(1, np.float32), np.ones(1, np.float32))
    if kind(output) not in ("Multiply", "Divide"):
        return None
    found = constant_and_other(graph, output)
    if found is None or kind(found[1]) == "MVN" or found[0].size != (found[0].shape[-1] if found[0].shape else 1):
        return None
    factor, other = last_axis(found[0]), found[1]
    if kind(output) == "Divide":
        if graph.steady(source(output)) is not None or not factor.all():
            return None
        factor = (1 / factor.astype(np.float64)).astype(np.float32)
    return _from_codes(graph, other, factor) or Scaled(other, factor)


def _from_codes(graph: Graph, codes: ov.Output, scale: Floats) -> Scaled | None:
    """Codes that are made floats, less what stands for 0, times a scale; None where they are none."""
    zero = np.zeros(1, np.float32)
    if kind(codes) == "Subtract":
        found = constant_and_other(graph, codes)
        if found is None or graph.steady(source(codes, 1)) is None:
            return None
        zero, codes = last_axis(found[0]), found[1]
    types = []
    while kind(codes) == "Convert":
        types.append(codes.get_element_type())
        codes = source(codes)
    if not types or kind(codes) != "FakeQuantize":
        return None
    lowest, highest = (graph.constant(each) for each in sources(codes)[3:])
    steps = highest - lowest == codes.get_node().get_attributes()["levels"] - 1
    for each in types:
        least, most = RANGES.get(each.get_type_name(), (0, 0))
        fits = (lowest >= least).all() and (highest <= most).all() and steps.all()
        if not fits or (lowest != np.rint(lowest)).any():
            raise Foreign(f"{codes.get_node().get_friendly_name()} does not make the codes that it is read as")
    return _rounded(graph, codes, zero, scale)


def _rounded(graph: Graph, output: ov.Output, zero: Floats, scale: Floats) -> Scaled:
    """Raises Foreign where the range that comes out is no multiple of the one that goes in, or bends what is in it."""
    levels = output.get_node().get_attributes()["levels"]
    low, high, low_out, high_out = (last_axis(graph.constant(each)) for each in sources(output)[1:])
    low_out, high_out = ((each - zero) * scale for each in (low_out, high_out))
    if levels < LEAST_LEVELS or not (high > low).all():
        raise Foreign(f"{output.get_node().get_friendly_name()} is no rounding to codes")
    step = (high - low) / np.float32(levels - 1)
    factor = (high_out - low_out) / (high - low)
    if (np.abs(low_out - low * factor) > 1e-2 * np.abs(step * factor)).any() or not factor.all():
        raise Foreign(f"{output.get_node().get_friendly_name()} moves what it rounds")
    most = np.float32(0) if kind(scaled(graph, source(output)).source) in ONE_SIDED else -LEAST_SIDE * step
    if (low > most).any() or (high < LEAST_SIDE * step).any():
        raise Foreign(f"{output.get_node().get_friendly_name()} has a range at one side of 0")
    even = factor.size > 1 and np.allclose(factor, factor[0], rtol=NEAR, atol=0)
    return Scaled(source(output), factor[:1] if even else factor)
