"""Rows to probe a model with: made up in usual sizes, or made from a request."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES
from headrace.runtimes.runtime import Arrays
from headrace.types import FREE, Shape, TensorSpec

Rows = list[Arrays]
"""Several requests of one row each, all of one shape."""

Array = NDArray[np.generic]
Axis = tuple[str, int]  # an input, and which of its dimensions

USUAL = (16, 64, 128, 512, 32, 8, 256, 1, 3, 2, 224, 1024, 48, 80, 320, 640)
"""Sizes of free dimensions: tokens, features, samples."""

IMAGE = (64, 224, 320, 32, 640, 48, 128, 256, 512, 16, 299, 384)
"""Heights and widths."""

CHANNELS = (1, 3, 4)
MIXED = (16, 64, 1, 3)  # tried in every combination where one size for all does not run
MOST_MIXED = 4  # dimensions that are combined
MOST_ELEMENTS = 1 << 22  # of a row, all inputs together
FEW, MANY = 3, 8  # rows; many where only whole numbers come out, which could agree by chance

SMALL, FLAGS, ONES = 100, 2, 1
"""What made-up whole numbers stay below: places in most tables, places in the smallest, or truth values."""

MOST_WORDS = 3
"""Texts of made-up rows have one to so many, row by row: what is made of words may grow with those of the others."""

FLAG_WORDS = ("mask", "type", "segment", "flag")  # in the names of inputs that are mostly given as 0 and 1
MOST_WHOLE = 4  # inputs of whole numbers whose kinds are combined


def rows_to_try(specs: Sequence[TensorSpec], count: int) -> Iterator[Rows]:
    """Made-up rows for inputs, the likeliest to run first; the same in every process."""
    axes, kinds = _free_axes(specs), _kinds(specs)
    for sizes in _sizes(specs, axes):
        sized = {spec.name: _sized(spec, axes, sizes) for spec in specs}
        if sum(map(prod, sized.values())) > MOST_ELEMENTS:
            continue
        for below in kinds:
            generator = np.random.default_rng(0)
            rows: Rows = [
                {spec.name: _values(spec.datatype, sized[spec.name], below[spec.name], generator, at) for spec in specs}
                for at in range(count)
            ]
            if _differ(rows):
                yield rows


def example_rows(example: Arrays) -> Iterator[Rows]:
    """Rows made from a request's own: its rows where they differ, or its first one rolled, then disturbed."""
    counts = {len(array) for array in example.values() if array.ndim}
    if len(counts) != 1 or 0 in counts:
        return
    first: Arrays = {name: array[:1] for name, array in example.items()}
    given: Rows = [
        {name: array[at : at + 1] for name, array in example.items()} for at in range(min(counts.pop(), FEW))
    ]
    if len(given) > 1 and _differ(given):
        yield given
    rolled: Rows = [{name: _rolled(array, by) for name, array in first.items()} for by in range(FEW)]
    if _differ(rolled):
        yield rolled
    generator = np.random.default_rng(0)
    disturbed: Rows = [
        first,
        *({name: _disturbed(array, generator) for name, array in first.items()} for _ in range(FEW - 1)),
    ]
    if _differ(disturbed):
        yield disturbed


def _kinds(specs: Sequence[TensorSpec]) -> list[dict[str, int]]:
    """What each input's values stay below, the likeliest first.

    For floats SMALL is around 0 and ONES in [0, 1), for texts SMALL is several words and ONES a number.
    """
    whole = [spec.name for spec in specs if DATATYPES[spec.datatype].kind in "iu" and spec.datatype != "BF16"]
    likely = [(FLAGS, SMALL) if any(word in name.lower() for word in FLAG_WORDS) else (SMALL, FLAGS) for name in whole]
    combined = list(product(*likely)) if len(whole) <= MOST_WHOLE else list(zip(*likely, strict=True))
    choices = [*combined, (ONES,) * len(whole)] if whole else [()]
    others = [spec.name for spec in specs if spec.name not in whole]
    return [
        dict(zip(whole, choice, strict=True)) | dict.fromkeys(others, spread)
        for spread in ((SMALL, ONES) if others else (SMALL,))
        for choice in choices
    ]


def _free_axes(specs: Sequence[TensorSpec]) -> dict[Axis, Axis]:
    """Each free dimension after the first -> the one that it is as large as: by its name, or itself."""
    axes: dict[Axis, Axis] = {}
    named: dict[str, Axis] = {}
    for spec in specs:
        for axis, size in enumerate(spec.shape):
            if axis and size == FREE:
                symbol = spec.symbols[axis] if axis < len(spec.symbols) else ""
                place = (spec.name, axis)
                axes[place] = named.setdefault(symbol, place) if symbol.strip("?") else place
    return axes


def _sizes(specs: Sequence[TensorSpec], axes: Mapping[Axis, Axis]) -> Iterator[dict[Axis, int]]:
    """Assignments of sizes: one size for all, then combinations of a few."""
    free = sorted(set(axes.values()))
    if not free:
        yield {}
        return
    image = {axis for spec in specs for axis in _image_axes(spec)}
    ranks = {(spec.name, 1): 3 for spec in specs if len(spec.shape) == 4}  # free channels are three at first
    lists = [IMAGE if axis in image else USUAL for axis in free]
    for at in range(max(map(len, lists))):
        yield {
            axis: 3 if axis in ranks and axis not in image else sizes[min(at, len(sizes) - 1)]
            for axis, sizes in zip(free, lists, strict=True)
        }
    if 1 < len(free) <= MOST_MIXED:
        for mixed in product(MIXED, repeat=len(free)):
            yield dict(zip(free, mixed, strict=True))


def _image_axes(spec: TensorSpec) -> list[Axis]:
    """Height and width of an input that looks like images: channels first, or last."""
    if len(spec.shape) != 4:
        return []
    last = spec.shape[3] in CHANNELS and spec.shape[1] not in CHANNELS
    return [(spec.name, axis) for axis in ((1, 2) if last else (2, 3))]


def _sized(spec: TensorSpec, axes: Mapping[Axis, Axis], sizes: Mapping[Axis, int]) -> Shape:
    return (1, *(sizes[axes[spec.name, at]] if size == FREE else size for at, size in enumerate(spec.shape) if at))


def _values(datatype: str, shape: Shape, below: int, generator: np.random.Generator, at: int) -> Array:
    """Random values of the row at this place; floats lie around 0, or in [0, 1) for models that take roots and
    logarithms."""
    dtype = DATATYPES[datatype]
    if datatype == "BYTES":
        return _texts(shape, 1 if below == ONES else at % MOST_WORDS + 1, generator)
    if datatype == "BF16":
        bits: Array = (generator.standard_normal(shape).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        return bits
    if dtype.kind == "f":
        return (generator.random(shape) if below == ONES else generator.standard_normal(shape)).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    return np.ones(shape, dtype) if below == ONES else generator.integers(0, below, shape).astype(dtype)


def _texts(shape: Shape, num_words: int, generator: np.random.Generator) -> Array:
    """Texts of so many numbers: of one, models that read numbers take them."""
    texts = np.empty(prod(shape), dtype=object)
    numbers = generator.integers(0, 100, (prod(shape), num_words)).tolist()
    texts[:] = [b" ".join(b"%d" % number for number in words) for words in numbers]
    return texts.reshape(shape)


def _differ(rows: Rows) -> bool:
    """Whether any row differs from the first."""
    return any(not np.array_equal(row[name], rows[0][name]) for row in rows[1:] for name in row)


def _rolled(array: Array, by: int) -> Array:
    """The same values in other places: indices stay indices."""
    return np.roll(array.reshape(-1), by).reshape(array.shape)


def _disturbed(array: Array, generator: np.random.Generator) -> Array:
    """Floats moved by a tenth of their spread."""
    if array.dtype.kind != "f":
        return array
    finite = array[np.isfinite(array)].astype(np.float64)
    spread = (float(finite.std()) if finite.size else 0.0) or 1.0
    return array + (generator.standard_normal(array.shape) * spread * 0.1).astype(array.dtype)
