"""Rows of several lengths -> rows of one, and answers back to each row's own length. Pure."""

from collections.abc import Iterator, Sequence
from functools import cache
from math import prod

import numpy as np

from headrace.arrays import ITEM_BYTES, filled, from_array, to_array
from headrace.types import Buffer, Number, Shape, Tensor

MOST_PARTS = 32  # of one tensor that are laid out where they are; more of them are quicker written into an array


def with_size(shape: Shape, axis: int, size: int) -> Shape:
    """The shape, with that size at `axis`."""
    return (*shape[:axis], size, *shape[axis + 1 :])


def fill_up(tensors: Sequence[Tensor], axis: int, longest: int, value: Number) -> list[Buffer]:
    """The data of tensors, each filled up with `value` to `longest` along `axis`; to be laid end to end.

    What the tensors hold is not copied, but where their rows lie in very many pieces.
    """
    first = tensors[0]
    inner = prod(first.shape[axis + 1 :])
    shortest = min(tensor.shape[axis] for tensor in tensors)
    step = inner * ITEM_BYTES[first.datatype]
    filling = memoryview(_element(first.datatype, value) * ((longest - shortest) * inner))
    parts: list[Buffer] = []
    for tensor in tensors:
        lacking = longest - tensor.shape[axis]
        pieces = prod(tensor.shape[:axis])
        if not lacking:
            parts.append(tensor.data)
        elif pieces == 1:
            parts += tensor.data, filling[: lacking * step]
        elif pieces > MOST_PARTS:
            parts.append(_written(tensor, axis, longest, value))
        else:
            parts += _between(tensor, pieces, filling[: lacking * step])
    return parts


@cache
def _element(datatype: str, value: Number) -> bytes:
    """One number as it travels; there are as many as models have inputs that are padded."""
    return filled(datatype, value, ()).tobytes()


def _between(tensor: Tensor, pieces: int, filling: memoryview) -> Iterator[Buffer]:
    """Each piece of a tensor and the filling after it."""
    view = memoryview(tensor.data)
    width = len(view) // pieces
    for at in range(pieces):
        yield view[at * width : (at + 1) * width]
        yield filling


def _written(tensor: Tensor, axis: int, longest: int, value: Number) -> Buffer:
    made = filled(tensor.datatype, value, with_size(tensor.shape, axis, longest))
    made[(slice(None),) * axis + (slice(tensor.shape[axis]),)] = to_array(tensor)
    return made.reshape(-1).view(np.uint8).data


def cut(tensor: Tensor, axes: tuple[int, ...], length: int) -> Tensor:
    """The tensor, cut to `length` along these axes; a view where what is left lies in one piece."""
    shape = tensor.shape
    for axis in axes:
        shape = with_size(shape, axis, length)
    if shape == tensor.shape:
        return tensor
    if tensor.datatype != "BYTES" and len(axes) == 1 and prod(shape[: axes[0]]) == 1:
        size = prod(shape) * ITEM_BYTES[tensor.datatype]
        return Tensor(tensor.name, tensor.datatype, shape, memoryview(tensor.data)[:size])
    left = to_array(tensor)[tuple(slice(length) if axis in axes else slice(None) for axis in range(len(shape)))]
    return from_array(tensor.name, left, tensor.datatype)
