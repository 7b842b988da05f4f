"""What other clients may send beside a row: a full run, and rows of other kinds than those that are usually tried."""

import math
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from headrace.errors import HeadraceError
from headrace.runtimes.rows import MOST_ELEMENTS, ONES, SMALL, Rows
from headrace.runtimes.runtime import Arrays, LoadedModel

LOUD = 1000.0  # times the usual row: another client's numbers may be of any size

MOST_ID = 1 << 20
"""The largest whole number that is tried: most tables are smaller, and where none is, it stands for any number."""

STRIDE = 4  # from one number to the next, on the way to the largest that a model takes
NEARLY = 16  # steps below this part of it are left out
SLOWER, SLOWER_S = 8, 0.005  # than the usual row: what grows with a number is no table

CHECKED = "onnx"
"""The runtime that refuses a place past a table's end; another may read what lies there, or write."""

CROWD_S = 0.1  # that a full run may take, by a row's own time; fewer rows of a slow model are tried

Array = NDArray[np.generic]


@runtime_checkable
class KnowsTables(Protocol):
    """A model of a file whose tables are known."""

    tables: Mapping[str, int]  # rows, by the input whose numbers are places in one


class Other(NamedTuple):
    """A row to be tried beside others."""

    what: str
    row: Arrays
    held: bool  # whether its own answer has to stay the same, too


def others(model: LoadedModel, row: Arrays) -> Iterator[Other]:
    """Rows like this one, but of far larger numbers, with numbers missing, and with numbers of a whole table.

    Of numbers so large what cancels out is not small any more: only what becomes of their company is told by them.
    """
    if loud := louder(row):
        yield Other(f"numbers {LOUD:.0f} times as large", loud, held=False)
    if gaps := with_gaps(row):
        yield Other("missing numbers (NaN)", gaps, held=True)
    if large := _of_whole_tables(model, row):
        most = max(int(array.max()) for array in large.values() if array.dtype.kind in "iu")
        yield Other(f"whole numbers of up to {most:,}", large, held=True)


def crowd_of(rows: Rows, most: int, row_s: float) -> list[int]:
    """Which of the rows a full run has, over and over; none where they are as many already."""
    elements = max(1, sum(array.size for array in rows[0].values()))
    size = min(most, STRIDE * MOST_ELEMENTS // elements, int(CROWD_S / max(row_s, 1e-9)))
    return [at % len(rows) for at in range(size)] if size > len(rows) else []


def louder(row: Arrays) -> Arrays | None:
    """The row with floats so many times as large; None where it has none."""
    if not any(array.dtype.kind == "f" for array in row.values()):
        return None
    with np.errstate(over="ignore"):
        return {name: _loud(array) if array.dtype.kind == "f" else array for name, array in row.items()}


def _loud(array: Array) -> Array:
    return (array.astype(np.float64) * LOUD).astype(array.dtype)


def with_gaps(row: Arrays) -> Arrays | None:
    """The row, every second float missing; None where it has none."""
    if not any(array.dtype.kind == "f" for array in row.values()):
        return None
    return {name: _gaps(array) if array.dtype.kind == "f" else array for name, array in row.items()}


def _gaps(array: Array) -> Array:
    missing = (np.arange(array.size) % 2 == 0).reshape(array.shape)
    return np.where(missing, np.array(np.nan, array.dtype), array)


def _of_whole_tables(model: LoadedModel, row: Arrays) -> Arrays | None:
    """The row with whole numbers from all that each input takes; None where that is no more than it has already."""
    bits = {spec.name for spec in model.inputs if spec.datatype == "BF16"}
    counted = [name for name, array in row.items() if array.dtype.kind in "iu" and name not in bits]
    numbers = [name for name in counted if row[name].max(initial=0) > ONES]  # others are masks and types
    found = {name: most for name in numbers if (most := _largest(model, row, name)) > SMALL}
    generator = np.random.default_rng(0)
    return {**row, **{name: _spread(row[name], most, generator) for name, most in found.items()}} if found else None


def _largest(model: LoadedModel, row: Arrays, name: str) -> int:
    if isinstance(model, KnowsTables):
        return model.tables.get(name, 0) - 1
    return largest_taken(model, row, name) if model.runtime.split(" ")[0] == CHECKED else 0


def _spread(array: Array, most: int, generator: np.random.Generator) -> Array:
    """As many numbers of hundreds as of thousands, and so on: how far a table goes is not always known."""
    spread = np.exp(generator.uniform(math.log(SMALL), math.log(most), array.shape))
    return np.minimum(spread, most).astype(array.dtype)


def largest_taken(model: LoadedModel, row: Arrays, name: str) -> int:
    """About the largest whole number that the model takes in this input, and that no answer grows with; or 0.

    Larger and larger ones are tried: of a number that says how much there is to be, none is met that takes much memory.
    """
    bits = 8 * row[name].dtype.itemsize - (row[name].dtype.kind == "i")
    most = min((1 << bits) - 1, MOST_ID)

    def takes(number: int) -> bool:
        shapes, took_s = _shapes(model, {**row, name: np.full_like(row[name], number)})
        return shapes == usual and took_s <= SLOWER * usual_s + SLOWER_S

    usual, usual_s = _shapes(model, row)
    found, number = 0, min(most, STRIDE * SMALL)
    while number <= most and takes(number):
        found, number = number, number * STRIDE
    if not found or found == most:
        return found
    step = found * STRIDE // 2
    while step * NEARLY > found:
        if found + step <= most and takes(found + step):
            found += step
        step //= 2
    return found


def _shapes(model: LoadedModel, row: Arrays) -> tuple[dict[str, tuple[int, ...]] | None, float]:
    """Of what the model answers, or None; and how long it took."""
    began_s = time.monotonic()
    try:
        shapes = {name: array.shape for name, array in model.run(row, ()).items()}
    except HeadraceError:
        return None, 0.0
    return shapes, time.monotonic() - began_s
