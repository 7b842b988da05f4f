"""The tokens that a grammar allows after the last token of one text, and after each of the drafts behind it.

Thoughts that come before the text follow no grammar: there anything goes but the end of the answer.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.llm.grammar import Matcher
from headrace.llm.reasoning import Marks, Stage


class Masks:
    """One text on its way through its grammar. Owned by its choice."""

    def __init__(
        self,
        matcher: Matcher,
        vocabulary: int,
        marks: Marks | None = None,
        stage: Stage = "after",
        ends: Collection[int] = (),
    ) -> None:
        """`matcher`, at the beginning of the text, belongs to it from now on.

        `marks`, which are tokens, stand around thoughts where the answer begins at another `stage` than after them;
        `ends` are the tokens that would end the answer.
        """
        self.rows: list[NDArray[np.int32]] = []
        """[ceil(V / 32)] each, as the sampler reads them: filled by `fill`, good until the next `accept`."""
        self._matcher = matcher
        self._words = -(-vocabulary // 32)
        self._marks = marks
        self._stage: Stage = "after" if marks is None else stage
        self._ends = frozenset(ends)
        self._free = _without(self._words, self._ends)
        self.fill(())

    def accept(self, token_ids: Sequence[int]) -> bool:
        """The text goes on by these tokens; whether it is complete and cannot go on any further."""
        for token_id in token_ids:
            self._stage, held = self._passed(self._stage, token_id)
            if held:
                self._matcher.accept((token_id,))
        return self._stage == "after" and self._matcher.is_complete

    def allowed(self, drafts: Sequence[int]) -> int:
        """How many of the drafts may follow one another."""
        stage = self._stage
        for count, draft in enumerate(drafts):
            if stage == "inside" and draft in self._ends:
                return count
            stage, held = self._passed(stage, draft)
            if held:
                return count + self._matcher.allowed(drafts[count:])
        return len(drafts)

    def fill(self, drafts: Sequence[int]) -> None:
        """Compute the rows: what may follow the last token, and what each of the drafts."""
        while len(self.rows) <= len(drafts):
            self.rows.append(np.zeros(self._words, np.int32))
        stage, accepted = self._stage, 0
        self._fill(0, stage)
        for place, draft in enumerate(drafts, start=1):
            stage, held = self._passed(stage, draft)
            if held:
                self._matcher.accept((draft,))
                accepted += 1
            self._fill(place, stage)
        if accepted:
            self._matcher.rollback(accepted)

    def _passed(self, stage: Stage, token_id: int) -> tuple[Stage, bool]:
        """The stage behind a token, and whether the token is one that the grammar holds."""
        if stage == "after" or self._marks is None:
            return "after", True
        behind = self._marks.after(stage, token_id)
        return behind, stage == "before" and behind == "after"

    def _fill(self, place: int, stage: Stage) -> None:
        row = self.rows[place]
        if stage == "inside":
            row[:] = self._free
            return
        self._matcher.fill(row)
        if stage == "before" and self._marks is not None and self._marks.begin_id is not None:
            word, bit = divmod(self._marks.begin_id, 32)
            row.view(np.uint32)[word] |= np.uint32(1 << bit)


def _without(words: int, token_ids: Collection[int]) -> NDArray[np.int32]:
    """A row that allows all but these tokens."""
    bits = np.full(32 * words, 1, np.uint8)
    bits[[token_id for token_id in token_ids if token_id < bits.size]] = 0
    return np.packbits(bits, bitorder="little").view(np.int32)
