"""Rows of several lengths to probe a model with, made from rows of one; and how they are filled up. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import filled
from headrace.runtimes.pad_axis import PadChoice
from headrace.runtimes.rows import MOST_ELEMENTS, Rows
from headrace.runtimes.runtime import Arrays

LONGEST = 4096
"""What rows are filled up to at most where that is tried: one that looks at the end of a row finds padding there."""

QUIET, LOUD = 0.05, 20.0
"""Times the usual numbers. Of a quiet step and its opposite, one gives less than padding does, and the other more."""

STEPS = 2  # of each row, that rows of one step over and over are made of

Array = NDArray[np.generic]


def length_of(choice: PadChoice, row: Arrays) -> int:
    """Of the row along the chosen dimension; 0 where its inputs differ in it."""
    lengths = {row[name].shape[choice.axis] for name in choice.values}
    return lengths.pop() if len(lengths) == 1 else 0


def groups(choice: PadChoice, rows: Rows) -> Iterator[Rows]:
    """Rows to be run together: as they are, with holes in the mask, and short ones that are the same all along.

    Among many steps that differ, what padding gives is seldom the largest or the smallest: a maximum is told by rows
    that have one step, a distance or a threshold by quiet and by loud ones.
    """
    whole = [_unmasked(choice, row) for row in rows]
    yield _shortened(choice, whole)
    if choice.mask:
        yield _shortened(choice, [_begun(choice, row) for row in rows])[::-1]
    floats = [name for name in choice.values if name != choice.mask and whole[0][name].dtype.kind == "f"]
    for size in (1.0, QUIET, LOUD) if floats else (1.0,):
        yield _monotonous(choice, [_times(row, floats, size) for row in whole])


def longer(choice: PadChoice, row: Arrays) -> Iterator[int]:
    """What a short row is filled up to, the usual length first doubled: as far as most rows go."""
    length = 2 * length_of(choice, row)
    each = sum(array.size for name, array in row.items() if name in choice.values) // length_of(choice, row)
    while length <= LONGEST and each * length <= MOST_ELEMENTS:
        yield length
        length *= 2


def _times(row: Arrays, names: Sequence[str], size: float) -> Arrays:
    return {
        name: np.multiply(array, size).astype(array.dtype) if name in names else array for name, array in row.items()
    }


def _monotonous(choice: PadChoice, rows: Rows) -> Rows:
    """Rows of one step and of two, and of the same step over and over; each of its numbers also with the other sign.

    A whole row is the last and the longest.
    """
    numbers = "f" if choice.mask else "if"
    signed = [name for name in choice.values if name != choice.mask and rows[0][name].dtype.kind in numbers]
    usual = length_of(choice, rows[0])
    lengths, short = (1, 2, max(1, usual // 3)), []
    for at in range(STEPS * len(rows)):
        row = _repeated(choice, rows[at // STEPS], at % STEPS, lengths[at % len(lengths)])
        short += [row, _times(row, signed, -1)] if signed else [row]
    return [*short, rows[0]]


def _repeated(choice: PadChoice, row: Arrays, step: int, length: int) -> Arrays:
    """One step of the row, so many times."""
    return {
        name: np.repeat(array.take([step % array.shape[choice.axis]], choice.axis), length, choice.axis)
        if name in choice.values
        else array
        for name, array in row.items()
    }


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
