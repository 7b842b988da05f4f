"""What the model thought of a token: natural logarithms of its probabilities, before anything was done to them.

No temperature, penalty, bias or mask: vLLM's `raw_logprobs`. Their sum over a choice is what best_of compares.
"""

from collections.abc import Sequence
from math import isfinite

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import InputRefused
from headrace.llm.largest import Row, depth, ranked

NO_NUMBERS = "the model gives no finite numbers for this text: some of its weights are none, or too large"


class Scored(msgspec.Struct, frozen=True, gc=False):
    """A token's log-probability, and the likeliest tokens with theirs, the likeliest first."""

    logprob: float
    top: tuple[tuple[int, float], ...] = ()  # token id, log-probability
    rank: int | None = None  # 1 where no token is likelier; None: not counted


def score(row: Row, token_id: int, top: int, scratch: Row) -> Scored:
    """What the logits [V] say of one token and of the `top` likeliest. `scratch` [V] is overwritten."""
    norm = _log_of_sum(row, scratch)
    likeliest = ranked(row, top).tolist()
    return Scored(float(row[token_id]) - norm, tuple((other, float(row[other]) - norm) for other in likeliest))


def score_all(logits: NDArray[np.float32], token_ids: Sequence[int], top: int) -> list[Scored]:
    """The same for rows [R, V] and the token that came after each, ranked: a prompt's log-probabilities, by chunks.

    Raises InputRefused where a row has numbers that are none.
    """
    scratch = np.empty(logits.shape[1], np.float32)
    scored = []
    for row, token_id in zip(logits, token_ids, strict=True):
        if not isfinite(row.max()):
            raise InputRefused(NO_NUMBERS)
        rank = 1 + int(np.count_nonzero(row > row[token_id]))
        scored.append(msgspec.structs.replace(score(row, token_id, top, scratch), rank=rank))
    return scored


def _log_of_sum(row: Row, scratch: Row) -> float:
    largest = row.max()
    np.subtract(row, largest, out=scratch)
    np.exp(scratch, out=scratch)
    columns = scratch.reshape(depth(row.size), -1).sum(axis=0)  # the quickest sum of many, and a good one
    return float(largest) + float(np.log(columns.sum(dtype=np.float64)))
