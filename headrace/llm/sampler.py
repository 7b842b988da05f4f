"""The next tokens of a step: rows of logits and the state of their sequences in, token ids out.

Each row is a function of its own logits, rules and random numbers, computed one after another while it lies in the
processor's cache. Rows that nothing edits are read where the runtime left them.
"""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import InputRefused
from headrace.llm.choosing import Choosing
from headrace.llm.drawing import Weigh, draw, probabilities
from headrace.llm.largest import Row
from headrace.llm.logprobs import NO_NUMBERS, Scored, score


class RowChoice(NamedTuple):
    """One row of logits to choose a token from."""

    at: int  # which row of the logits
    choosing: Choosing
    ahead: tuple[int, ...] = ()  # drafts between the sequence's known tokens and this row
    mask: NDArray[np.int32] | None = None  # [ceil(V / 32)]: bit by bit, the tokens that a grammar allows


class Chosen(msgspec.Struct, frozen=True, gc=False):
    """One token for each row asked for."""

    token_ids: list[int]
    scored: list[Scored | None]  # where the row's Choosing has `logprobs`


class Sampler:
    """Chooses tokens. Owns two rows of scratch memory; changes neither logits nor sequences. Not thread-safe."""

    def __init__(self, vocabulary: int, weigh: Weigh | None = None) -> None:
        """`weigh` is in place of numpy's."""
        self._weigh = weigh
        self._edited = np.empty(vocabulary, np.float32)
        self._scratch = np.empty(vocabulary, np.float32)

    def sample(self, logits: NDArray[np.float32], rows: Sequence[RowChoice]) -> Chosen:
        """Choose from logits [R, V], contiguous; a row may be asked for never, once or more. Raises InputRefused where
        a row has numbers that are none, or none that is finite.

        The engine calls `push` on a Choosing for those of its tokens that it keeps.
        """
        token_ids = []
        scored: list[Scored | None] = []
        for choice in rows:
            row = logits[choice.at]
            token_id = self._choose(row, choice)
            if not isfinite(row[token_id]):  # what is no number is chosen before any that is
                raise InputRefused(NO_NUMBERS)
            wanted = choice.choosing.logprobs
            token_ids.append(token_id)
            scored.append(None if wanted is None else score(row, token_id, wanted, self._scratch))
        return Chosen(token_ids, scored)

    def guess(self, logits: NDArray[np.float32], rows: Sequence[RowChoice]) -> list[int]:
        """The tokens alone that `sample` would choose."""
        return [self._choose(logits[choice.at], choice) for choice in rows]

    def distribution(self, logits: NDArray[np.float32], choice: RowChoice) -> NDArray[np.float64]:
        """The probabilities [V] that `sample` chooses by, for acceptance against a draft model's."""
        row = self._prepared(logits[choice.at], choice)
        if choice.choosing.greedy:
            certain = np.zeros(row.size)
            certain[row.argmax()] = 1.0
            return certain
        return probabilities(row, choice.choosing.sampling)

    def _choose(self, row: Row, choice: RowChoice) -> int:
        choosing = choice.choosing
        if choosing.greedy and choice.mask is not None and not choosing.edits(len(choice.ahead)):
            greatest = int(row.argmax())  # of all it is the greatest of those allowed too, if it is: mostly
            if _allows(choice.mask, greatest):
                return greatest
        row = self._prepared(row, choice)
        if choosing.greedy:
            return int(row.argmax())
        return draw(row, choosing.sampling, choosing.uniforms(len(choice.ahead)), self._scratch, self._weigh)

    def _prepared(self, row: Row, choice: RowChoice) -> Row:
        if choice.mask is None and not choice.choosing.edits(len(choice.ahead)):
            return row
        self._edited[:] = row
        choice.choosing.edit(self._edited, choice.ahead, choice.mask)
        return self._edited


def _allows(mask: NDArray[np.int32], token_id: int) -> bool:
    return token_id < 32 * mask.size and bool(int(mask[token_id >> 5]) >> (token_id & 31) & 1)
