"""Inputs made up from what a model says of itself: the same for the same seed. Knows no server."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES, from_array
from headrace.types import FREE, Shape, Tensor, TensorSpec

_WORDS = (
    "time year people way day man thing woman life child world school state family student group country problem hand "
    "part place case week company system program question work government number night point home water room mother "
    "area money story fact month lot right study book eye job word business issue side kind head house service friend "
    "father power hour game line end member law car city name team minute idea body back parent face others level "
    "office door health person art war history party result change morning reason research girl guy moment air"
)
WORDS = tuple(_WORDS.split())
"""Frequent words of English: each is a token or two, whatever cuts them."""

LARGEST_BYTES = 1 << 30


def make_inputs(specs: Sequence[TensorSpec], rows: int, length: int, random: np.random.Generator) -> list[Tensor]:
    """One request's inputs. The first dimension, where it is free, is `rows`; other free ones are `length`.

    Masks are ones, token types are zeros, strings are texts of `length` words. Raises ValueError where that is absurd.
    """
    tensors = []
    for spec in specs:
        shape = shape_of(spec, rows, length)
        if prod(shape) * (DATATYPES[spec.datatype].itemsize or 8) > LARGEST_BYTES:
            raise ValueError(f"input {spec.name!r} would be {'x'.join(map(str, shape))} of {spec.datatype}: too large")
        tensors.append(from_array(spec.name, _values(spec, shape, length, random), spec.datatype))
    return tensors


def shape_of(spec: TensorSpec, rows: int, length: int) -> Shape:
    """A text's length lies inside its elements, so strings have no long dimension."""
    free = 1 if spec.datatype == "BYTES" else length
    sizes = ((rows if axis == 0 else free) if size == FREE else size for axis, size in enumerate(spec.shape))
    return tuple(sizes)


def has_free_length(specs: Sequence[TensorSpec]) -> bool:
    """Whether a length means anything for these inputs."""
    return any(spec.datatype == "BYTES" or FREE in spec.shape[1:] for spec in specs)


def takes_rows(specs: Sequence[TensorSpec]) -> bool:
    """Whether every input's first dimension is free."""
    return bool(specs) and all(spec.shape[:1] == (FREE,) for spec in specs)


def make_text(length: int, random: np.random.Generator) -> str:
    """So many words."""
    return " ".join(WORDS[index] for index in random.integers(0, len(WORDS), length))


def _values(spec: TensorSpec, shape: Shape, length: int, random: np.random.Generator) -> NDArray[Any]:
    name = spec.name.lower()
    if spec.datatype == "BYTES":
        texts = np.empty(prod(shape), dtype=object)
        for index in range(texts.size):
            texts[index] = make_text(length, random).encode()
        return texts.reshape(shape)
    if spec.datatype == "BF16":
        floats = random.standard_normal(shape, dtype=np.float32)
        return (floats.view(np.uint32) >> 16).astype(np.uint16)
    dtype = DATATYPES[spec.datatype]
    if dtype.kind == "f":
        return random.standard_normal(shape, dtype=np.float32).astype(dtype)
    if "mask" in name:
        return np.ones(shape, dtype)
    if "token_type" in name or "segment" in name:
        return np.zeros(shape, dtype)
    return random.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype)
