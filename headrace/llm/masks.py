"""The tokens that a grammar allows after the last token of one text, and after each of the drafts behind it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.llm.grammar import Matcher


class Masks:
    """One text on its way through its grammar. Owned by its choice."""

    def __init__(self, matcher: Matcher, vocabulary: int) -> None:
        """`matcher`, at the beginning of the text, belongs to it from now on."""
        self.rows: list[NDArray[np.int32]] = []
        """[ceil(V / 32)] each, as the sampler reads them: filled by `fill`, good until the next `accept`."""
        self._matcher = matcher
        self._words = -(-vocabulary // 32)
        self.fill(())

    def accept(self, token_ids: Sequence[int]) -> bool:
        """The text goes on by these tokens; whether it is complete and cannot go on any further."""
        self._matcher.accept(token_ids)
        return self._matcher.is_complete

    def allowed(self, drafts: Sequence[int]) -> int:
        """How many of the drafts may follow one another."""
        return self._matcher.allowed(drafts)

    def fill(self, drafts: Sequence[int]) -> None:
        """Compute the rows: what may follow the last token, and what each of the drafts."""
        while len(self.rows) <= len(drafts):
            self.rows.append(np.zeros(self._words, np.int32))
        self._matcher.fill(self.rows[0])
        for place, draft in enumerate(drafts, start=1):
            self._matcher.accept((draft,))
            self._matcher.fill(self.rows[place])
        if drafts:
            self._matcher.rollback(len(drafts))
