"""The largest of a row of logits without sorting: the row is laid in columns, and most columns' maxima rule them out.

A partition of a whole vocabulary costs ten times what its maximum costs. One pass gives the maximum of every column
(token j, j + C, j + 2C, ... of C columns); k columns reach the k-th largest maximum, so at least k tokens do, and only
those columns need a second look. Any other division into columns gives such a threshold too: a few times k of them are
enough to find it. Exact for every row, ties and -inf included.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.intp]
Row = NDArray[np.float32]

_DEEPEST = 64  # tokens in a column that is looked at again


@cache
def depth(vocabulary: int, deepest: int = _DEEPEST) -> int:
    """Tokens in a column: the largest divisor up to `deepest`. 1 for a prime: right, and slower."""
    return max(depth for depth in range(1, deepest + 1) if vocabulary % depth == 0)


def column_maxima(row: Row) -> Row:
    """The largest of each column of a contiguous row [V]: [V / depth]."""
    maxima: Row = row.reshape(depth(row.size), -1).max(axis=0)
    return maxima


def at_least(row: Row, maxima: Row, threshold: float) -> Ids:
    """Every token whose logit reaches the threshold, by id. `maxima` are the row's columns'."""
    columns = np.flatnonzero(maxima >= threshold)
    if columns.size * 4 > maxima.size:
        return np.flatnonzero(row >= threshold)
    table = row.reshape(depth(row.size), -1).take(columns, axis=1)
    deep, across = np.divmod(np.flatnonzero(table >= threshold), columns.size)
    ids: Ids = deep * maxima.size + columns[across]
    return ids


def k_largest(row: Row, maxima: Row, k: int) -> Ids:
    """The k tokens of the largest logits, by id, and every token that ties with the last of them."""
    if k >= row.size:
        return np.arange(row.size)
    if k > maxima.size:
        return np.flatnonzero(row >= np.partition(row, -k)[-k])
    enough = maxima.reshape(depth(maxima.size, max(1, maxima.size // (4 * k))), -1).max(axis=0)
    ids = at_least(row, maxima, float(np.partition(enough, -k)[-k]))
    values = row[ids]
    largest: Ids = ids[values >= np.partition(values, -k)[-k]]
    return largest


def ranked(row: Row, k: int) -> Ids:
    """The k tokens of the largest logits, the largest first; of equals the lower id."""
    if k <= 0:
        return np.empty(0, np.intp)
    ids = k_largest(row, column_maxima(row), k)
    order = np.argsort(-row[ids], kind="stable")[:k]
    return ids[order]
