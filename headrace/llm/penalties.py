"""What makes a token less likely, or more, because it was there before: presence, frequency and repetition.

Knows token ids and logits, nothing else. Repetition divides a positive logit and multiplies a negative one (Keskar et
al. 2019, as in transformers and vLLM) and counts the prompt; presence and frequency are OpenAI's and do not.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.generation import Sampling


class Penalties:
    """The tokens of one sequence and how often each was generated, kept as it grows.

    Owned by the sequence's Choosing. Costs O(1) a token, and a step touches only the tokens that were there before.
    """

    def __init__(self, sampling: Sampling, prompt_ids: Iterable[int] = ()) -> None:
        self._repetition = np.float32(sampling.repetition_penalty)
        self._presence = np.float32(sampling.presence_penalty)
        self._frequency = np.float32(sampling.frequency_penalty)
        known = list(dict.fromkeys(prompt_ids)) if sampling.repetition_penalty != 1.0 else []
        self._slots = {token_id: slot for slot, token_id in enumerate(known)}
        room = max(64, 2 * len(known))
        self._ids = np.zeros(room, np.intp)
        self._ids[: len(known)] = known
        self._counts = np.zeros(room, np.float32)

    def push(self, token_id: int) -> None:
        """A token was generated."""
        slot = self._slots.setdefault(token_id, len(self._slots))
        if slot == self._ids.size:
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)])
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        self._ids[slot] = token_id
        self._counts[slot] += 1

    def apply(self, row: NDArray[np.float32], ahead: Sequence[int] = ()) -> None:
        """Change the logits [V] in place, as if the tokens `ahead` had been generated too."""
        extra = list(dict.fromkeys(ahead))
        before = row[extra]
        used = len(self._slots)
        ids = self._ids[:used]
        row[ids] = self._penalised(row[ids], self._counts[:used])
        if extra:
            counts = [self._count(token_id) + ahead.count(token_id) for token_id in extra]
            row[extra] = self._penalised(before, np.array(counts, np.float32))

    def _count(self, token_id: int) -> float:
        slot = self._slots.get(token_id)
        return 0.0 if slot is None else float(self._counts[slot])

    def _penalised(self, logits: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._repetition != 1.0:
            logits = np.where(logits > 0, logits / self._repetition, logits * self._repetition)
        return logits - self._frequency * counts - self._presence * (counts > 0)
