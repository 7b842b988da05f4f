"""The next tokens of a step: rows of logits and the state of their sequences in, token ids out.

Each row is a function of its own logits, rules and random numbers. Rows that nothing edits are read where the runtime
left them: by the library of kernels all at once, where there is one, else one after another while each lies in the
processor's cache.
"""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import InputRefused
from headrace.llm.choosing import Choosing
from headrace.llm.drawing import draw, probabilities, table_depth
from headrace.llm.largest import Row
from headrace.llm.logprobs import NO_NUMBERS, Scored, score
from headrace.runtimes.language import UNDECIDED, Choose


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

    def __init__(self, vocabulary: int, choose: Choose | None = None) -> None:
        """`choose` is in place of numpy."""
        self._library = choose
        self._depth = table_depth(vocabulary)
        self._edited = np.empty(vocabulary, np.float32)
        self._scratch = np.empty(vocabulary, np.float32)

    def at_once(self, logits: NDArray[np.float32], rows: Sequence[RowChoice]) -> list[int]:
        """What can be chosen of all rows of a step together: a token of each, UNDECIDED where it needs more than that.

        Nothing that one text brings with it fails the others.
        """
        found = [UNDECIDED] * len(rows)
        if self._library is None:
            return found
        places = [place for place, row in enumerate(rows) if not row.choosing.edits(len(row.ahead))]
        rules = [row.choosing.rules(row.at, len(row.ahead), row.mask) for row in map(rows.__getitem__, places)]
        for place, token_id in zip(places, self._library(logits, self._depth, rules) if rules else (), strict=True):
            found[place] = token_id
        return found

    def sample(
        self, logits: NDArray[np.float32], rows: Sequence[RowChoice], found: Sequence[int] | None = None
    ) -> Chosen:
        """Choose from logits [R, V], contiguous; a row may be asked for never, once or more. Raises InputRefused where
        a row has numbers that are none, or none that is finite.

        `found` is what `at_once` has given for these rows. The engine calls `push` on a Choosing for those of its
        tokens that it keeps.
        """
        token_ids = []
        scored: list[Scored | None] = []
        for choice, known in zip(rows, self.at_once(logits, rows) if found is None else found, strict=True):
            row = logits[choice.at]
            token_id = self._choose(row, choice, known)
            if token_id != known and not isfinite(row[token_id]):  # what is no number is chosen before any that is
                raise InputRefused(NO_NUMBERS)
            wanted = choice.choosing.logprobs
            token_ids.append(token_id)
            scored.append(None if wanted is None else score(row, token_id, wanted, self._scratch))
        return Chosen(token_ids, scored)

    def guess(self, logits: NDArray[np.float32], rows: Sequence[RowChoice]) -> list[int]:
        """The tokens alone that `sample` would choose."""
        found = self.at_once(logits, rows)
        return [self._choose(logits[choice.at], choice, known) for choice, known in zip(rows, found, strict=True)]

    def distribution(self, logits: NDArray[np.float32], choice: RowChoice) -> NDArray[np.float64]:
        """The probabilities [V] that `sample` chooses by, for acceptance against a draft model's."""
        row = self._prepared(logits[choice.at], choice)
        if choice.choosing.greedy:
            certain = np.zeros(row.size)
            certain[row.argmax()] = 1.0
            return certain
        return probabilities(row, choice.choosing.sampling)

    def _choose(self, row: Row, choice: RowChoice, known: int) -> int:
        choosing, ahead = choice.choosing, len(choice.ahead)
        if known != UNDECIDED:
            return known
        if choosing.greedy and choice.mask is not None and not choosing.edits(ahead):
            greatest = int(row.argmax())
            if _allows(choice.mask, greatest):  # of all it is the greatest of those allowed too, if it is: mostly
                return greatest
        row = self._prepared(row, choice)
        if choosing.greedy:
            return int(row.argmax())
        if self._library is not None and choosing.edits(ahead):  # else it was asked already
            (drawn,) = self._library(row[None], self._depth, [choosing.rules(0, ahead)])
            if drawn != UNDECIDED:
                return drawn
        return draw(row, choosing.sampling, choosing.uniforms(ahead), self._scratch)

    def _prepared(self, row: Row, choice: RowChoice) -> Row:
        if choice.mask is None and not choice.choosing.edits(len(choice.ahead)):
            return row
        self._edited[:] = row
        choice.choosing.edit(self._edited, choice.ahead, choice.mask)
        return self._edited


def _allows(mask: NDArray[np.int32], token_id: int) -> bool:
    return token_id < 32 * mask.size and bool(int(mask[token_id >> 5]) >> (token_id & 31) & 1)
