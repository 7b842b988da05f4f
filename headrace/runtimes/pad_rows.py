"""Rows of several lengths to probe a model with, made from rows of one; and how they are filled up. Pure."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import filled
from headrace.runtimes.pad_axis import PadChoice
from headrace.runtimes.rows import MOST_ELEMENTS, Rows
from headrace.runtimes.runtime import Arrays

LONGER = 4  # times the usual length, of a row that is tried beside short ones

Array = NDArray[np.generic]


def length_of(choice: PadChoice, row: Arrays) -> int:
    """Of the row along the chosen dimension; 0 where its inputs differ in it."""
    lengths = {row[name].shape[choice.axis] for name in choice.values}
    return lengths.pop() if len(lengths) == 1 else 0


def groups(choice: PadChoice, rows: Rows) -> Iterator[Rows]:
    """Rows to be run together: as they are, with holes in the mask, with numbers of one sign, and one that is long.

    Filling with zeros is no change to a maximum of positive numbers, or to a minimum of negative ones.
    """
    whole = [_unmasked(choice, row) for row in rows]
    yield _shortened(choice, whole)
    if choice.mask:
        yield _shortened(choice, [_begun(choice, row) for row in rows])
    kinds = "f" if choice.mask else "if"
    signed = [name for name in choice.values if name != choice.mask and whole[0][name].dtype.kind in kinds]
    for sign in (-1, 1) if signed else ():
        yield _shortened(choice, [{**row, **{name: sign * np.abs(row[name]) for name in signed}} for row in whole])
    if LONGER * sum(array.size for array in rows[0].values()) <= MOST_ELEMENTS:
        short = _cut(choice, whole[0], max(1, length_of(choice, whole[0]) // 3))
        yield [short, _long(choice, whole), whole[1]]


def filled_up(choice: PadChoice, rows: Rows, datatypes: dict[str, str], longest: int) -> Arrays:
    """The rows in one, each filled up to the longest."""
    joined: dict[str, Array] = {}
    for name in rows[0]:
        parts = [row[name] for row in rows]
        if name in choice.values:
            parts = [_to_length(part, choice, name, datatypes[name], longest) for part in parts]
        joined[name] = np.concatenate(parts)
    return joined


def _to_length(array: Array, choice: PadChoice, name: str, datatype: str, longest: int) -> Array:
    axis = choice.axis
    shape = (*array.shape[:axis], longest - array.shape[axis], *array.shape[axis + 1 :])
    return np.concatenate([array, filled(datatype, choice.values[name], shape)], axis)


def _shortened(choice: PadChoice, rows: Rows) -> Rows:
    """The rows, cut to different lengths."""
    usual = length_of(choice, rows[0])
    lengths = (usual, max(1, usual * 5 // 8), max(1, usual // 3))
    return [_cut(choice, row, lengths[index % len(lengths)]) for index, row in enumerate(rows)]


def _cut(choice: PadChoice, row: Arrays, length: int) -> Arrays:
    places = (slice(None),) * choice.axis + (slice(length),)
    return {
        name: np.ascontiguousarray(array[places]) if name in choice.values else array for name, array in row.items()
    }


def _long(choice: PadChoice, rows: Rows) -> Arrays:
    several = [rows[index % len(rows)] for index in range(LONGER)]
    return {
        name: np.concatenate([row[name] for row in several], choice.axis) if name in choice.values else array
        for name, array in rows[0].items()
    }


def _unmasked(choice: PadChoice, row: Arrays) -> Arrays:
    """The row, nothing in it masked."""
    return {**row, choice.mask: np.full_like(row[choice.mask], _real(choice))} if choice.mask else row


def _begun(choice: PadChoice, row: Arrays) -> Arrays:
    """The row, its mask as it is but for the first place: nobody asks for rows of nothing."""
    filling, given = choice.values[choice.mask], row[choice.mask]
    mask = np.where(given == filling, filling, _real(choice)).astype(given.dtype)
    mask[(slice(None),) * choice.axis + (slice(1),)] = _real(choice)
    return {**row, choice.mask: mask}


def _real(choice: PadChoice) -> int:
    """What a mask says of what is no filling."""
    return 0 if choice.values[choice.mask] else 1
