"""Whether a tensor can have two shapes: the one that clients see, and another that the model file asks for."""

from math import prod

from headrace.types import FREE, Shape


def same_size(seen: Shape, inside: Shape) -> bool:
    """Whether both have the same elements, with free dimensions in the same order."""
    return _runs(seen) == _runs(inside)


def _runs(shape: Shape) -> list[int]:
    """The sizes between free dimensions."""
    runs: list[list[int]] = [[]]
    for size in shape:
        if size == FREE:
            runs.append([])
        else:
            runs[-1].append(size)
    return [prod(run) for run in runs]
