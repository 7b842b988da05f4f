"""One layer's tensors by their short names."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.graphs.linear import Node, Precision, gated, linear
from headrace.graphs.rows_times import RowsTimes
from headrace.kernels.operations import Bend
from headrace.weights.checkpoint import Weight


class Tensors:
    """The tensors of a checkpoint whose canonical names begin with `prefix`, each checked for its shape when taken."""

    def __init__(self, weights: Mapping[str, Weight], prefix: str = "") -> None:
        self._weights = weights
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._weights

    def layer(self, index: int) -> "Tensors":
        return Tensors(self._weights, f"layers.{index}.")

    def weight(self, name: str, shape: tuple[int, ...]) -> Weight:
        """Raises ModelInvalid where it is missing or has another shape."""
        full = self._prefix + name
        if full not in self._weights:
            raise ModelInvalid(f"the file has no such tensor; its architecture needs one of shape {list(shape)}", full)
        weight = self._weights[full]
        if tuple(weight.shape) != shape:
            raise ModelInvalid(f"its shape is {list(weight.shape)}, the architecture needs {list(shape)}", full)
        return weight

    def vector(self, name: str, length: int) -> NDArray[np.float32]:
        return self.weight(name, (length,)).dense()

    def table(self, name: str, width: int) -> NDArray[np.float32]:
        """A matrix of any number of rows, as values."""
        rows = self._weights[self._prefix + name].shape[0] if name in self else 0
        return self.weight(name, (rows, width)).dense()

    def gated(self, x: Node, width: int, inner: int, bend: Bend, precision: Precision) -> Node | None:
        """x [..., width] -> bend(gate x) * up x: [..., inner]; None where no one operation computes it."""
        if "gate_bias" in self or "up_bias" in self:
            return None
        gate, up = (self.weight(name, (inner, width)) for name in ("gate", "up"))
        return gated(x, gate, up, bend, precision)

    def project(
        self,
        x: Node,
        names: Sequence[str],
        width: int,
        lengths: Sequence[int],
        precision: Precision,
        factors: NDArray[np.float32] | None = None,
    ) -> Node:
        """x [..., width] times the named matrices, with their biases where there are any: [..., sum(lengths)]; times
        `factors` [sum(lengths)] where they are given."""
        matrices = [self.weight(name, (length, width)) for name, length in zip(names, lengths, strict=True)]
        if factors is not None:
            ends = np.cumsum(lengths)[:-1]
            matrices = [RowsTimes(each, of) for each, of in zip(matrices, np.split(factors, ends), strict=True)]
        behind = self.biases(names, lengths)
        return linear(x, matrices, precision, behind if behind is None or factors is None else behind * factors)

    def biases(self, names: Sequence[str], lengths: Sequence[int]) -> NDArray[np.float32] | None:
        """Of the named matrices, one behind another, zero where one has none: [sum(lengths)]; None where none has."""
        biases = [f"{name}_bias" for name in names]
        if not any(bias in self for bias in biases):
            return None
        parts = [
            self.vector(bias, length) if bias in self else np.zeros(length, np.float32)
            for bias, length in zip(biases, lengths, strict=True)
        ]
        return np.concatenate(parts)
