"""Captured requests as arrays: the rows of all of them joined, each beside what it was answered."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from headrace.arrays import split_bytes, to_array
from headrace.cli.captured import Captured
from headrace.cli.failure import Failure
from headrace.types import Tensor

Array = np.ndarray[Any, np.dtype[np.generic]]


def joined_rows(found: Sequence[Captured]) -> dict[str, Array]:
    """Every input and output by name, as `in:NAME` and `out:NAME`: row by row they belong together.

    Raises Failure, naming request and tensor, where rows would not: then lines are the form that fits.
    """
    first = found[0]
    parts: dict[str, list[Array]] = {name: [] for name in _tensors(first)}
    for each in found:
        for fault in _faults(each, first):
            raise Failure(f"{fault}; .npz has rows joined, export to .jsonl")
        for name, tensor in _tensors(each).items():
            parts[name].append(_array(tensor))
    return {name: np.concatenate(some) for name, some in parts.items()}


def _faults(each: Captured, first: Captured) -> Iterator[str]:
    """Why rows of a request cannot follow those of the first."""
    if each.text is not None:
        yield "texts are no arrays"
    tensors, others = _tensors(each), _tensors(first)
    for name in {**others, **tensors}:
        if name not in tensors or name not in others:
            has, lacks = (each, first) if name in tensors else (first, each)
            yield f"request {has.request!r} has {name}, and request {lacks.request!r} has not"
    rows = {name: _num_rows(tensor) for name, tensor in tensors.items()}
    for name, number in rows.items():
        other = next(iter(rows))
        if number != rows[other]:
            yield f"request {each.request!r} has {rows[other]} rows of {other} and {number} of {name}"
        if number != 1 and each.rows == 1:  # a run counts a request as one where its model knows no rows
            yield f"{name} of request {each.request!r} has {number} rows that are one thing: the model is not batched"
    for name, tensor in tensors.items():
        form, other_form = _form(tensor), _form(others[name])
        if form != other_form:
            told = f"{other_form} in request {first.request!r} and {form} in request {each.request!r}"
            yield f"rows of {name} are {told}"
        if tensor.datatype == "BYTES" and any(text.endswith(b"\0") for text in split_bytes(tensor.data)):
            yield f"{name} of request {each.request!r} has a text that ends in a zero byte, which numpy leaves out"


def _tensors(of: Captured) -> dict[str, Tensor]:
    sides = ("in", of.inputs), ("out", of.outputs)
    return {f"{side}:{tensor.name}": tensor for side, tensors in sides for tensor in tensors}


def _num_rows(tensor: Tensor) -> int:
    return tensor.shape[0] if tensor.shape else 1


def _form(tensor: Tensor) -> str:
    """Of each of its rows; a scalar is a row of its own kind."""
    return f"{tensor.datatype} {list(tensor.shape[1:]) if tensor.shape else 'scalars'}"


def _array(tensor: Tensor) -> Array:
    array = np.atleast_1d(to_array(tensor))
    return array.astype("S") if tensor.datatype == "BYTES" else array
