"""Penalties of the last tokens, against the formula over these tokens alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.generation import Sampling
from headrace.llm.penalty_window import WindowedPenalties
from tests.llm import reference_sampling

TOKENS = st.lists(st.integers(0, 11), max_size=8)
LOGITS = np.linspace(-3, 3, 12).astype(np.float32)
RULES = Sampling(presence_penalty=0.25, frequency_penalty=0.5, repetition_penalty=1.3)


def penalised(prompt: list[int], generated: list[int], window: int, ahead: tuple[int, ...] = ()) -> list[float]:
    penalties = WindowedPenalties(RULES, prompt, window)
    for token_id in generated:
        penalties.push(token_id)
    row = LOGITS.copy()
    penalties.apply(row, ahead)
    found: list[float] = row.tolist()
    return found


@given(TOKENS, TOKENS, st.integers(0, 10))
def test_only_the_last_tokens_count(prompt: list[int], generated: list[int], window: int) -> None:
    whole = prompt + generated
    expected = reference_sampling.edited(LOGITS.tolist(), RULES, [], whole[max(0, len(whole) - window) :])
    np.testing.assert_allclose(penalised(prompt, generated, window), expected, rtol=1e-5, atol=1e-6)


@given(TOKENS, TOKENS, TOKENS, st.integers(0, 10))
def test_drafts_push_out_what_they_would(
    prompt: list[int], generated: list[int], ahead: list[int], window: int
) -> None:
    assert penalised(prompt, generated, window, tuple(ahead)) == penalised(prompt, generated + ahead, window)
