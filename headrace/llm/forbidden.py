"""The tokens that a request rules out: all but those it allows, and each that would complete a word it forbids.

A word is its tokens, as in vLLM: the last of them may not come where those before it were generated last. The prompt's
count as little as another spelling of the same text.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.errors import InvalidRequest


class Forbidden:
    """The rules of one request, the same for all of its choices. Costs a look for each length that words have."""

    def __init__(self, allowed_ids: Iterable[int] | None, words: Iterable[Sequence[int]] = ()) -> None:
        """`allowed_ids`: None allows all; every word has a token."""
        self._allowed = None if allowed_ids is None else np.array(sorted(set(allowed_ids)), np.intp)
        ends: dict[tuple[int, ...], set[int]] = {}
        for *before, last in words:
            ends.setdefault(tuple(before), set()).add(last)
        self._ends = {before: np.array(sorted(lasts), np.intp) for before, lasts in ends.items()}
        self._lengths = sorted({len(before) for before in ends})
        self.looks_back = max(self._lengths, default=0)
        """How many of the last tokens matter."""

    def apply(self, row: NDArray[np.float32], last: Sequence[int]) -> None:
        """Make the logits [V] of forbidden tokens -inf, in place. `last` are the tokens generated so far, or as many
        of the last as matter."""
        if self._allowed is not None:
            allowed = row[self._allowed]
            row.fill(-np.inf)
            row[self._allowed] = allowed
        for ends in self._completing(last):
            row[ends] = -np.inf

    def check(self, token_id: int, last: Sequence[int]) -> None:
        """Raises InvalidRequest, with the field's name, where the token is forbidden."""
        where = ""
        if self._allowed is not None and token_id not in self._allowed:
            where = "allowed_token_ids"
        elif any(token_id in ends for ends in self._completing(last)):
            where = "bad_words"
        if where:
            raise InvalidRequest("leaves no token that could come next, beside all else that the request asks", where)

    def _completing(self, last: Sequence[int]) -> list[NDArray[np.intp]]:
        """The last tokens of words that all but them have come of."""
        behind = tuple(last)
        begins = [behind[len(behind) - length :] for length in self._lengths if length <= len(behind)]
        return [self._ends[begin] for begin in begins if begin in self._ends]
