"""Penalties that forget: those of the last so many tokens only, the prompt's among them, as llama.cpp has it."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from headrace.generation import Sampling


class WindowedPenalties:
    """The last tokens of one sequence. Owned by the sequence's Choosing. A step costs time in the window's length."""

    def __init__(self, sampling: Sampling, prompt_ids: Sequence[int], window: int) -> None:
        """`window`: how many tokens are looked at."""
        self._repetition = np.float32(sampling.repetition_penalty)
        self._presence = np.float32(sampling.presence_penalty)
        self._frequency = np.float32(sampling.frequency_penalty)
        self._last = deque(prompt_ids[max(0, len(prompt_ids) - window) :], maxlen=window)

    def push(self, token_id: int) -> None:
        """A token was generated."""
        self._last.append(token_id)

    def apply(self, row: NDArray[np.float32], ahead: Sequence[int] = ()) -> None:
        """Change the logits [V] in place, as if the tokens `ahead` had been generated too."""
        looked_at = list(self._with(ahead))
        if not looked_at:
            return
        ids, counts = np.unique(np.array(looked_at, np.intp), return_counts=True)
        logits = row[ids]
        if self._repetition != 1.0:
            logits = np.where(logits > 0, logits / self._repetition, logits * self._repetition)
        row[ids] = logits - self._frequency * counts.astype(np.float32) - self._presence

    def _with(self, ahead: Sequence[int]) -> Iterable[int]:
        size = self._last.maxlen or 0
        forgotten = max(0, len(self._last) + len(ahead) - size)
        return islice(chain(self._last, ahead), forgotten, None)
