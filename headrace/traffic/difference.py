"""How far two answers to one request are apart. Pure."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.arrays import to_array
from headrace.types import Tensor


class Difference(msgspec.Struct, frozen=True):
    """The largest of any two numbers; infinite where there is none to tell: other shapes, texts, NaN."""

    absolute: float
    relative: float
    beyond: bool  # more than the tolerance

    @property
    def measurable(self) -> bool:
        return math.isfinite(self.absolute)


NONE = Difference(0.0, 0.0, beyond=False)
UNLIKE = Difference(math.inf, math.inf, beyond=True)


def difference(served: Sequence[Tensor], other: Sequence[Tensor], tolerance: float) -> Difference:
    """Of outputs by name. A number is beyond where it is further off than the tolerance, or, where the number served is
    above 1, than the tolerance's part of that."""
    others = {tensor.name: tensor for tensor in other}
    if len(served) != len(other) or {tensor.name for tensor in served} != set(others):
        return UNLIKE
    found = [_tensors(tensor, others[tensor.name], tolerance) for tensor in served]
    return Difference(
        max((each.absolute for each in found), default=0.0),
        max((each.relative for each in found), default=0.0),
        any(each.beyond for each in found),
    )


def _tensors(served: Tensor, other: Tensor, tolerance: float) -> Difference:
    if (served.datatype, tuple(served.shape)) != (other.datatype, tuple(other.shape)):
        return UNLIKE
    if bytes(served.data) == bytes(other.data):
        return NONE
    if served.datatype == "BYTES":
        return UNLIKE
    first, second = _numbers(served), _numbers(other)
    with np.errstate(all="ignore"):
        apart = np.abs(first - second)
        apart[(first == second) | (np.isnan(first) & np.isnan(second))] = 0.0
        apart[np.isnan(apart)] = math.inf
        allowed = tolerance * np.maximum(1.0, np.where(np.isfinite(first), np.abs(first), 1.0))
        relative = np.where(apart > 0, apart / np.abs(first), 0.0)
    beyond = bool((apart > allowed).any())
    return Difference(float(apart.max(initial=0.0)), float(relative.max(initial=0.0)), beyond)


def _numbers(tensor: Tensor) -> NDArray[np.float64]:
    array = to_array(tensor)
    if tensor.datatype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return array.astype(np.float64)
