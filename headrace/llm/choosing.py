"""How one sequence's next token is chosen: its rules, its random numbers, and what it generated so far."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headrace.generation import Sampling
from headrace.llm.penalties import Penalties
from headrace.llm.penalty_window import WindowedPenalties
from headrace.llm.randomness import stream_key, uniform

_COLDEST = 1e-5  # below it the likeliest token is all there is

_CEILINGS = np.where(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"), np.inf, -np.inf
).astype(np.float32)
"""[256, 8]: the ceilings of eight tokens, by a byte of the mask. Several times faster than booleans of a whole row."""


class Choosing:
    """The state of choosing for one sequence. Owned by its engine, which calls `push` for each token it keeps.

    `fresh_seed` serves a request that has no seed; `eos_ids` end a text of this model; `scored` asks for the chosen
    token's log-probability though the request does not (best_of). Checks nothing: `sampling` is valid.
    """

    def __init__(
        self,
        sampling: Sampling,
        prompt_ids: Iterable[int] = (),
        *,
        fresh_seed: int = 0,
        choice: int = 0,
        eos_ids: Collection[int] = (),
        scored: bool = False,
    ) -> None:
        self.sampling = sampling
        self.greedy = sampling.temperature < _COLDEST
        self.logprobs = 0 if scored and sampling.logprobs is None else sampling.logprobs
        self.generated = 0  # tokens pushed so far: the position of the next one
        self._key = stream_key(fresh_seed if sampling.seed is None else sampling.seed, choice)
        self._ends = sorted({*sampling.stop_ids, *(() if sampling.ignore_eos else eos_ids)})
        self._biased = list(sampling.logit_bias)
        self._bias = np.array(list(sampling.logit_bias.values()), np.float32)
        self._penalties = _penalties(sampling, prompt_ids) if _penalised(sampling) else None

    def push(self, token_id: int) -> None:
        """A token was chosen and kept."""
        self.generated += 1
        if self._penalties is not None:
            self._penalties.push(token_id)

    def uniforms(self, ahead: int = 0) -> partial[float]:
        """lane -> the random number of the token after the next `ahead` ones."""
        return partial(uniform, self._key, self.generated + ahead)

    def edits(self, ahead: int = 0) -> bool:
        """Whether `edit` would change anything, a mask apart."""
        return bool(self._biased) or self._penalties is not None or self._too_short(ahead)

    def edit(self, row: NDArray[np.float32], ahead: Sequence[int] = (), mask: NDArray[np.int32] | None = None) -> None:
        """Change logits [V] in place: bias, no end before `min_tokens`, penalties, and the mask as grammars fill it.

        `ahead` are tokens taken as generated after the known ones. A mask that allows nothing but an end wins over
        `min_tokens`: the text is complete.
        """
        if self._biased:
            row[self._biased] += self._bias
        ends = row[self._ends] if self._too_short(len(ahead)) else None
        if ends is not None:
            row[self._ends] = -np.inf
        if self._penalties is not None:
            self._penalties.apply(row, ahead)
        if mask is not None:
            ceiling = ceilings(mask, row.size)
            np.minimum(row, ceiling, out=row)
            if ends is not None and row.max() == -np.inf:
                row[self._ends] = np.minimum(ends, ceiling[self._ends])

    def _too_short(self, ahead: int) -> bool:
        return self.generated + ahead < self.sampling.min_tokens and bool(self._ends)


def ceilings(mask: NDArray[np.int32], vocabulary: int) -> NDArray[np.float32]:
    """The largest logit [V] that each bit of the mask allows, the lowest bit first; past its end nothing is allowed."""
    found = _CEILINGS.take(mask.view(np.uint8), axis=0, mode="clip").ravel()[:vocabulary]
    if found.size < vocabulary:
        found = np.concatenate([found, np.full(vocabulary - found.size, -np.inf, np.float32)])
    return found


def _penalties(sampling: Sampling, prompt_ids: Iterable[int]) -> Penalties | WindowedPenalties:
    if sampling.penalty_window is None:
        return Penalties(sampling, prompt_ids)
    return WindowedPenalties(sampling, list(prompt_ids), sampling.penalty_window)


def _penalised(sampling: Sampling) -> bool:
    return sampling.repetition_penalty != 1.0 or sampling.presence_penalty != 0.0 or sampling.frequency_penalty != 0.0
