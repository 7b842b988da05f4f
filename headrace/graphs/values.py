"""A graph that was read from a file, asked by value: what a part of it reads, and what it gives for given tensors.

Many ways of writing a mask or positions give the same numbers; so the numbers are looked at, not the way.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

Key = tuple[str, int]
"""Of one output of a node."""

Array = NDArray[Any]
Sizes = tuple[int, int]
"""Texts, and the tokens of each."""

SIZES = "sizes"
"""What a part reads that depends on how many texts and tokens there are, not on which."""

EXAMPLES: tuple[Sizes, ...] = ((2, 3), (3, 5), (1, 1))
"""Sizes for which shapes and numbers are looked at."""

VARYING = {"ReadValue", "RandomUniform", "Multinomial"}
"""What gives something else every time."""


class Foreign(Exception):
    """A graph, or a part of it, is not what was looked for."""


def key(output: ov.Output) -> Key:
    return output.get_node().get_name(), output.get_index()


def kind(output: ov.Output) -> str:
    """The operation that makes it."""
    name: str = output.get_node().get_type_name()
    return name


def source(output: ov.Output, index: int = 0) -> ov.Output:
    """What the operation that makes it is given."""
    return output.get_node().input(index).get_source_output()


def sources(output: ov.Output) -> list[ov.Output]:
    return [each.get_source_output() for each in output.get_node().inputs()]


class Graph:
    """The nodes of a model of texts [batch, tokens], which it owns: the model's sizes change as it is asked."""

    def __init__(self, model: ov.Model) -> None:
        self._model = model
        self._shapes: dict[Sizes, dict[Key, tuple[int, ...]]] = {}
        self._reads: dict[str, frozenset[str]] = {}
        self.inputs: dict[str, ov.Output] = {}  # by their names
        for node in model.get_ordered_ops():
            self._reads[node.get_name()] = self._read_by(node)

    def _read_by(self, node: ov.Node) -> frozenset[str]:
        if node.get_type_name() == "Parameter":
            name = node.output(0).get_any_name() if node.output(0).get_names() else node.get_friendly_name()
            self.inputs[name] = node.output(0)
            return frozenset((name,))
        found: frozenset[str] = frozenset()
        for each in node.inputs():
            found |= self._reads[each.get_source_output().get_node().get_name()]
        return frozenset((SIZES,)) if found and node.get_type_name() == "ShapeOf" else found

    def reads(self, output: ov.Output) -> frozenset[str]:
        """The names of inputs whose values it depends on, and SIZES; nothing: it is a constant."""
        return self._reads[output.get_node().get_name()]

    def above(self, output: ov.Output, stop: Collection[Key] = ()) -> Iterator[ov.Output]:
        """All that it is made of, itself first, each once, not beyond `stop` nor beyond what only asks for a shape."""
        seen, ahead = set(stop), [output]
        while ahead:
            at = ahead.pop()
            if key(at) in seen:
                continue
            seen.add(key(at))
            yield at
            if kind(at) != "ShapeOf":
                ahead.extend(sources(at))

    def shape(self, output: ov.Output, sizes: Sizes) -> tuple[int, ...]:
        """Its shape for so many texts and tokens. Raises Foreign where the graph does not tell, or cannot take them."""
        if (found := self._shapes_at(sizes).get(key(output))) is None:
            raise Foreign(f"the shape of {output.get_node().get_friendly_name()}")
        return found

    def _shapes_at(self, sizes: Sizes) -> Mapping[Key, tuple[int, ...]]:
        if sizes not in self._shapes:
            try:
                self._model.reshape({port: ov.PartialShape(list(sizes)) for port in self._model.inputs})
            except RuntimeError as fault:
                raise Foreign(f"sizes {sizes}") from fault
            outputs = [each for node in self._model.get_ordered_ops() for each in node.outputs()]
            still = [each for each in outputs if each.get_partial_shape().is_static]
            self._shapes[sizes] = {key(each): tuple(each.get_shape()) for each in still}
        return self._shapes[sizes]

    def value(self, output: ov.Output, given: Mapping[Key, Array], sizes: Sizes | None = None) -> Array:
        """What it gives where other outputs are as `given`, for so many texts and tokens.

        Raises Foreign where it needs what is not given, or is made of what cannot be computed here.
        """
        known = {name: ov.Tensor(np.ascontiguousarray(array)) for name, array in given.items()}
        shapes = {} if sizes is None else self._shapes_at(sizes)
        ahead = [output]
        while ahead:
            at = ahead[-1]
            if key(at) in known:
                ahead.pop()
                continue
            if kind(at) == "ShapeOf" and key(source(at)) not in known and key(source(at)) in shapes:
                dtype = at.get_element_type().to_dtype()
                known[key(at)] = ov.Tensor(np.array(shapes[key(source(at))], dtype))
                continue
            missing = [each for each in sources(at) if key(each) not in known]
            if missing:
                ahead.extend(missing)
            else:
                known.update(_computed(at.get_node(), [known[key(each)] for each in sources(at)]))
        return np.array(known[key(output)].data)

    def steady(self, output: ov.Output) -> Array | None:
        """The value of what is the same for whatever is read, of any sizes; None where it is not."""
        reads = self.reads(output)
        if not reads:
            return self.value(output, {})
        if reads != {SIZES}:
            return None
        try:
            first, *others = [self.value(output, {}, sizes) for sizes in EXAMPLES]
        except Foreign:  # it asks for more than sizes that are known
            return None
        return first if all(np.array_equal(first, each) for each in others) else None

    def constant(self, output: ov.Output) -> NDArray[np.float32]:
        """What `steady` gives, as float32. Raises Foreign where it gives nothing, or what is not finite."""
        found = self.steady(output)
        if found is None or not np.isfinite(found).all():
            raise Foreign(f"{output.get_node().get_friendly_name()} is no constant")
        return found.astype(np.float32)


def _computed(node: ov.Node, inputs: list[ov.Tensor]) -> dict[Key, ov.Tensor]:
    name = node.get_friendly_name()
    if node.get_type_name() in VARYING or not (inputs or node.get_type_name() == "Constant"):
        raise Foreign(f"{name} is not known")
    found = [ov.Tensor(each.get_element_type(), ov.Shape([])) for each in node.outputs()]
    try:
        done = node.evaluate(found, inputs)
    except RuntimeError as fault:
        raise Foreign(f"{name} cannot be computed") from fault
    if not done:
        raise Foreign(f"{name} cannot be computed")
    return {(node.get_name(), index): each for index, each in enumerate(found)}
