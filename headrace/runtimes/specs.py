"""What runtimes say of tensors, in the server's words."""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.types import FREE, Shape, TensorSpec


def dimension(size: object) -> int:
    """A dimension of a specification: FREE for a name, nothing or a negative number."""
    return size if isinstance(size, int) and size >= 0 else FREE


def narrowed(found: Shape, said: Shape) -> Shape:
    """What a file says of an input, with what a configuration says of its free dimensions: it frees none."""
    if not found or len(said) != len(found):
        return found or said
    return tuple(other if size == FREE else size for size, other in zip(found, said, strict=True))


def with_ranks(specs: tuple[TensorSpec, ...], results: Mapping[str, NDArray[np.generic]]) -> tuple[TensorSpec, ...]:
    """The specifications, where one of no rank takes the rank that a run has shown."""
    if all(spec.shape for spec in specs):
        return specs
    return tuple(
        msgspec.structs.replace(spec, shape=(FREE,) * results[spec.name].ndim)
        if not spec.shape and spec.name in results
        else spec
        for spec in specs
    )
