"""The dictionaries that scikit-learn's classifiers are exported with, one a row, as a tensor with a column a class."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.types import FREE, TensorSpec

TYPES = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")
"""ONNX Runtime's words for them; they do not say which classes there are, or how many."""

Rows = Sequence[Mapping[int | str, float]]  # all of the same classes, in the order of their numbers or names


def columns(rows: Rows) -> NDArray[np.float32]:
    """The numbers of each row, in the order of the classes."""
    return np.array([list(row.values()) for row in rows], np.float32).reshape(len(rows), len(rows[0]) if rows else 0)


def of_classes(name: str, labels: tuple[str, ...]) -> TensorSpec:
    """The specification of such an output; of no labels, the first run shows them."""
    return TensorSpec(name, "FP32", (FREE, len(labels) or FREE), labels=labels)


def with_classes(specs: tuple[TensorSpec, ...], found: Mapping[str, Rows]) -> tuple[TensorSpec, ...]:
    """The specifications, where such an output takes the classes that a run has shown: as many columns, with labels."""
    return tuple(
        of_classes(spec.name, tuple(map(str, rows[0]))) if not spec.labels and (rows := found.get(spec.name)) else spec
        for spec in specs
    )
