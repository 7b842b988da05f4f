"""A token drawn from one row of logits: temperature, then min_p, then top_k, then top_p.

A function of the row, the rules and the random number alone. Tokens lie on the line of probabilities by their ids, so
that logits which differ in the last bit (another kernel) give the same token but for one draw in a million. The library
of kernels draws by the same rules and numbers (`kernels/source/drawing.h`), many rows at once.
"""

from collections.abc import Callable
from functools import cache
from math import e, isfinite, log, log2

import numpy as np
from numpy.typing import NDArray

from headrace.generation import Sampling
from headrace.llm.largest import Ids, Row, at_least, column_maxima, depth, k_largest

_TRIES = 6  # draws from the whole distribution before the nucleus is made for certain
_MOST_OF_IT = 0.5  # of the mass: then the first draw is seldom outside
_SMALLEST, _LARGEST = 1e-12, 1e30  # sums of weights none of which is out of a float32's range: else the top comes to 1
_LEAST_POWER = -126.0  # of two, that is a normal float32
_LOG_2 = np.float32(log(2.0))
_DEEPEST = 256  # tokens in a column of sums: about as many as there are columns
_FIRST = 64  # tokens that a nucleus is looked for among, at first

Weights = NDArray[np.float64]


def draw(row: Row, sampling: Sampling, uniform: Callable[[int], float], scratch: Row) -> int:
    """A token id of the row [V], with the probability that the rules give it.

    `uniform` gives the n-th random number of this draw, `scratch` [V] is overwritten. The temperature is above zero. A
    row without a finite maximum gives its argmax.
    """
    if _leaves_few(row, sampling):
        maxima = column_maxima(row)
        top = float(maxima.max())
        if not isfinite(top):
            return int(row.argmax())
        ids, weights = _survivors(row, maxima, top, sampling)
        return int(ids[_point(weights.cumsum(), uniform(0))])
    return _draw_of_all(row, sampling, uniform, scratch)


def probabilities(row: Row, sampling: Sampling) -> Weights:
    """The distribution [V] that `draw` draws from."""
    maxima = column_maxima(row)
    top = float(maxima.max())
    whole = np.zeros(row.size)
    if _leaves_few(row, sampling):
        ids, weights = _survivors(row, maxima, top, sampling)
    else:
        ids, weights = np.arange(row.size), np.exp((row.astype(np.float64) - top) / sampling.temperature)
        if sampling.top_p < 1.0:
            kept = _nucleus(weights, sampling.top_p)
            ids, weights = ids[kept], weights[kept]
    whole[ids] = weights / weights.sum()
    return whole


def table_depth(vocabulary: int) -> int:
    """Of the table in which all tokens lie that one is drawn from: where they lie on the line is by it."""
    return depth(vocabulary, _DEEPEST)


def _leaves_few(row: Row, sampling: Sampling) -> bool:
    """Whether there are rules but top_p; a top_k of all tokens is none."""
    return bool(sampling.min_p) or 0 < sampling.top_k < row.size


def _survivors(row: Row, maxima: Row, top: float, sampling: Sampling) -> tuple[Ids, Weights]:
    """The tokens, by id, that min_p or top_k leave, and top_p of them; with weights, the likeliest having 1.

    Tokens that tie with the last of top_k stay.
    """
    if sampling.min_p:
        ids = at_least(row, maxima, top + sampling.temperature * log(sampling.min_p))
        if 0 < sampling.top_k < ids.size:
            values = row[ids]
            ids = ids[values >= np.partition(values, -sampling.top_k)[-sampling.top_k]]
    else:
        ids = k_largest(row, maxima, sampling.top_k)
    weights = np.exp((row[ids].astype(np.float64) - top) / sampling.temperature)
    if sampling.top_p < 1.0:
        kept = _nucleus(weights, sampling.top_p)
        ids, weights = ids[kept], weights[kept]
    return ids, weights


def _draw_of_all(row: Row, sampling: Sampling, uniform: Callable[[int], float], weights: Row) -> int:
    """Draw from every token, and again while the token is outside the nucleus: sorting a vocabulary costs far more."""
    table = weights.reshape(table_depth(row.size), -1)
    ends = _weighed(row, sampling.temperature, table)
    if not _SMALLEST < ends[-1] < _LARGEST:
        top = row.max()
        if not isfinite(top):
            return int(row.argmax())
        ends = _weighed(np.subtract(row, top, out=weights), sampling.temperature, table)
    if sampling.top_p >= 1.0:
        return _cell(table, ends, uniform(0))
    total = float(ends[-1])
    wanted = sampling.top_p * total
    inside = min(0.5 * total, total - wanted)  # more than that: the likeliest, or all before it have less than wanted
    ask_at = int(sampling.top_p >= _MOST_OF_IT)  # whether it is one token's alone: at once, or after the first miss
    for lane in range(_TRIES):
        if lane == ask_at and wanted <= weights[likeliest := int(weights.argmax())]:
            return likeliest  # it alone has the mass
        token_id = _cell(table, ends, uniform(lane))
        if float(weights[token_id]) > inside or _mass_before(weights, token_id) < wanted:
            return token_id
    ids = _nucleus_of_all(row, weights, wanted)
    return int(ids[_point(weights[ids].cumsum(dtype=np.float64), uniform(_TRIES))])


def _weighed(row: Row, temperature: float, table: Row) -> Weights:
    """Fill a table [depth, columns] with the weights of a row, e^(logit / temperature): where each column of it ends on
    one line, [columns].

    As powers of two, which take half the time, but where they are no normal numbers, as of tokens that a mask forbids:
    there they take ten to a hundred times as long. Added up by a product with ones, which takes a third.
    """
    weights = table.reshape(-1)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        np.multiply(row, np.float32(log2(e) / temperature), out=weights)
        if weights.min() >= _LEAST_POWER:
            np.exp2(weights, out=weights)
        else:
            np.exp(np.multiply(weights, _LOG_2, out=weights), out=weights)
        return (_ones(len(table)) @ table).astype(np.float64).cumsum()


@cache
def _ones(count: int) -> Row:
    return np.ones(count, np.float32)


def _point(ends: Weights, share: float) -> int:
    """Which of the stretches that end at `ends` has the point at `share` of the whole; one without length never has."""
    return int(ends.searchsorted(share * ends[-1], side="right"))  # share < 1: the product rounds below the whole


def _cell(table: Row, ends: Weights, share: float) -> int:
    """The same for a table whose columns end at `ends`: first the column, then the place in it."""
    column = _point(ends, share)
    left = share * ends[-1] - (ends[column - 1] if column else 0.0)
    places = table[:, column].astype(np.float64).cumsum()
    place = int(places.searchsorted(left, side="right"))
    if place == places.size:  # the column's sum was rounded: the last that has any weight
        place = int(places.searchsorted(places[-1]))
    return place * ends.size + column


def _mass_before(weights: Row, token_id: int) -> float:
    """What the tokens likelier than this one have together; of equals the lower id comes first."""
    weight = weights[token_id]
    likelier = weights > weight
    mass = float(weights[likelier].sum(dtype=np.float64)) if np.count_nonzero(likelier) else 0.0
    return mass + float(weight) * np.count_nonzero(weights[:token_id] == weight)


def _nucleus(weights: Weights, top_p: float) -> Ids:
    """The likeliest whose mass reaches `top_p` of the whole: places in `weights`, ascending. At least one."""
    order = np.argsort(-weights, kind="stable")
    ends = weights[order].cumsum()
    return np.sort(order[: int(ends.searchsorted(top_p * ends[-1])) + 1])


def _nucleus_of_all(row: Row, weights: Row, wanted: float) -> Ids:
    """The same for a whole vocabulary: looked for among a few of the largest, then among more."""
    maxima = column_maxima(row)
    among = _FIRST
    while True:
        ids = k_largest(row, maxima, among)
        order = ids[np.argsort(-weights[ids], kind="stable")]
        ends = weights[order].cumsum(dtype=np.float64)
        if ends[-1] >= wanted or ids.size == row.size:
            return np.sort(order[: int(ends.searchsorted(wanted)) + 1])
        among *= 8
