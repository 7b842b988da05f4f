"""How one sequence's next token is chosen: its rules, its random numbers, and what it generated so far."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headrace.generation import Sampling
from headrace.llm.forbidden import Forbidden
from headrace.llm.penalties import Penalties
from headrace.llm.penalty_window import WindowedPenalties
from headrace.llm.randomness import stream_key, uniform
from headrace.runtimes.language import Rules

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
        forbidden: Forbidden | None = None,
    ) -> None:
        self.sampling = sampling
        self.greedy = sampling.temperature < _COLDEST
        self.logprobs = 0 if scored and sampling.logprobs is None else sampling.logprobs
        self.generated = 0  # tokens pushed so far: the position of the next one
        self._key = stream_key(fresh_seed if sampling.seed is None else sampling.seed, choice)
        self._ends = sorted({*sampling.stop_ids, *eos_ids})  # not before `min_tokens`, ignored or not
        self._biased = list(sampling.logit_bias)
        self._bias = np.array(list(sampling.logit_bias.values()), np.float32)
        self._penalties = _penalties(sampling, prompt_ids) if _penalised(sampling) else None
        self._forbidden = forbidden
        self._last = deque[int](maxlen=0 if forbidden is None else forbidden.looks_back)

    def push(self, token_id: int) -> None:
        """A token was chosen and kept."""
        self.generated += 1
        if self._penalties is not None:
            self._penalties.push(token_id)
        if self._forbidden is not None:
            self._last.append(token_id)

    def check(self, token_id: int) -> None:
        """Raises InvalidRequest where the token chosen next is forbidden, so that nothing else was left to choose."""
        if self._forbidden is not None:
            self._forbidden.check(token_id, self._last)

    def rules(self, row: int, ahead: int = 0, mask: NDArray[np.int32] | None = None) -> Rules:
        """How the token after the next `ahead` ones is chosen from a row of logits that is edited, or needs not be."""
        sampling, position = self.sampling, self.generated + ahead
        if self.greedy:
            return Rules(row, 0.0, 0.0, 1.0, 0, 0, 0, mask)
        rules = sampling.temperature, sampling.min_p, sampling.top_p, sampling.top_k
        return Rules(row, *rules, self._key, position, mask)

    def uniforms(self, ahead: int = 0) -> partial[float]:
        """lane -> the random number of the token after the next `ahead` ones."""
        return partial(uniform, self._key, self.generated + ahead)

    def edits(self, ahead: int = 0) -> bool:
        """Whether `edit` would change anything, a mask apart."""
        ruled = self._penalties is not None or self._forbidden is not None
        return bool(self._biased) or ruled or self._too_short(ahead)

    def edit(self, row: NDArray[np.float32], ahead: Sequence[int] = (), mask: NDArray[np.int32] | None = None) -> None:
        """Change logits [V] in place: bias, nothing that is forbidden, no end before `min_tokens`, penalties, and the
        mask as grammars fill it.

        `ahead` are tokens taken as generated after the known ones. Where nothing but an end may come, by the mask or
        what is forbidden, that wins over `min_tokens`: the text is complete. Where nothing may come at all, a token
        is left that `check` refuses once it is chosen; of a draft that is not kept nobody need know.
        """
        if self._biased:
            row[self._biased] += self._bias
        if self._forbidden is not None:
            self._forbidden.apply(row, (*self._last, *ahead))
        ends = row[self._ends] if self._too_short(len(ahead)) else None
        if ends is not None:
            row[self._ends] = -np.inf
        if self._penalties is not None:
            self._penalties.apply(row, ahead)
        if mask is None and self._forbidden is None:
            return
        ceiling = None if mask is None else ceilings(mask, row.size)
        if ceiling is not None:
            np.minimum(row, ceiling, out=row)
        if ends is not None and row.max() == -np.inf:
            row[self._ends] = ends if ceiling is None else np.minimum(ends, ceiling[self._ends])
        if ceiling is not None and self._forbidden is not None and row.max() == -np.inf:
            np.minimum(ceiling, 0.0, out=row)

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
