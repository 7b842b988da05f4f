"""Choosing a token the slow, obvious way: what the quick one is held against."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.generation import Sampling


def edited(
    logits: Sequence[float],
    sampling: Sampling,
    prompt: Sequence[int],
    generated: Sequence[int],
    eos_ids: Sequence[int] = (),
    allowed: Sequence[int] | None = None,
    words: Sequence[Sequence[int]] = (),
) -> NDArray[np.float64]:
    """Bias, no end before min_tokens, penalties, grammar, what is forbidden: token by token.

    `words` are the tokens of those that are not written.
    """
    counts = Counter(generated)
    ends = {*sampling.stop_ids, *eos_ids}
    found = []
    for token_id, given in enumerate(logits):
        logit = float(given) + sampling.logit_bias.get(token_id, 0.0)
        if token_id in ends and len(generated) < sampling.min_tokens:
            logit = -np.inf
        if token_id in prompt or token_id in counts:
            logit = logit / sampling.repetition_penalty if logit > 0 else logit * sampling.repetition_penalty
        logit -= sampling.frequency_penalty * counts[token_id]
        logit -= sampling.presence_penalty if token_id in counts else 0.0
        if allowed is not None and token_id not in allowed:
            logit = -np.inf
        if sampling.allowed_ids is not None and token_id not in sampling.allowed_ids:
            logit = -np.inf
        text = [*generated, token_id]
        if any(list(word) == text[-len(word) :] for word in words):
            logit = -np.inf
        found.append(logit)
    return np.array(found)


def distribution(logits: Sequence[float] | NDArray[np.float64], sampling: Sampling) -> NDArray[np.float64]:
    """Temperature, min_p, top_k, top_p, each renormalising what the one before left."""
    values = np.array(logits, np.float64)
    p = _softmax(values / sampling.temperature)
    p = np.where(p >= sampling.min_p * p.max() * (1 - 1e-9), p, 0)
    if 0 < sampling.top_k < len(p):
        p = np.where(p >= sorted(p)[-sampling.top_k], p, 0)
    p /= p.sum()
    kept, mass = np.zeros_like(p), 0.0
    for token_id in sorted(range(len(p)), key=lambda token_id: (-p[token_id], token_id)):
        if mass < sampling.top_p * (1 - 1e-9):
            kept[token_id] = p[token_id]
        mass += p[token_id]
    normalised: NDArray[np.float64] = kept / kept.sum()
    return normalised


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    p = np.exp(values - values.max())
    normalised: NDArray[np.float64] = p / p.sum()
    return normalised
