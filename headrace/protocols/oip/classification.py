"""The classification extension: an output as its highest values, `value:index[:label]`."""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import join_bytes, to_array
from headrace.errors import InvalidRequest
from headrace.types import Tensor

MAX_CLASSES = 65_536
"""Of one output, all rows together: each is written while all other requests wait."""

_NUMBERS = ("FP16", "FP32", "FP64", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64")


def classify(tensor: Tensor, count: int, labels: Sequence[str], batched: bool) -> Tensor:
    """The `count` highest values of an output, highest first, or all if there are fewer.

    The result is BYTES [count], or [rows, count] with each row classified alone where the model is batched.
    Raises InvalidRequest where the output has no numbers to compare, and for more than MAX_CLASSES.
    """
    if tensor.datatype not in _NUMBERS:
        raise InvalidRequest(f"output {tensor.name!r} is {tensor.datatype}, which has no classes; ask for it as it is")
    values = to_array(tensor)
    by_row = batched and values.ndim > 0
    rows = values.reshape(len(values), prod(values.shape[1:])) if by_row else values.reshape(1, values.size)
    count = min(count, rows.shape[1])
    if count * len(rows) > MAX_CLASSES:
        what = f"{count} classes of {len(rows)} rows of output {tensor.name!r} are more than {MAX_CLASSES}, the most"
        raise InvalidRequest(f"{what}; ask for fewer, or for the output as it is")
    shape = (len(rows), count) if by_row else (count,)
    classes = (text.encode() for row in rows for text in _classes(row, count, labels))
    return Tensor(tensor.name, "BYTES", shape, join_bytes(classes))


def _classes(row: NDArray[np.generic], count: int, labels: Sequence[str]) -> list[str]:
    # Ascending and stable on the reversed row, then turned: of equal values the first comes first, NaN comes last.
    ascending = len(row) - 1 - np.argsort(np.nan_to_num(row[::-1], nan=-np.inf), kind="stable")
    texts = []
    for index in ascending[::-1][:count].tolist():
        text = f"{_number(row[index].item())}:{index}"
        texts.append(f"{text}:{labels[index]}" if index < len(labels) else text)
    return texts


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:f}"
