"""Penalties, against the formula token by token."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.generation import Sampling
from headrace.llm.penalties import Penalties
from tests.llm import reference_sampling

TOKENS = st.lists(st.integers(0, 11), max_size=8)
PENALTY = st.sampled_from([-0.5, 0.0, 0.25, 2.0])
LOGITS = np.linspace(-3, 3, 12).astype(np.float32)


def penalised(sampling: Sampling, prompt: list[int], generated: list[int], ahead: tuple[int, ...] = ()) -> list[float]:
    penalties = Penalties(sampling, prompt)
    for token_id in generated:
        penalties.push(token_id)
    row = LOGITS.copy()
    penalties.apply(row, ahead)
    found: list[float] = row.tolist()
    return found


@given(TOKENS, TOKENS, PENALTY, PENALTY, st.sampled_from([0.5, 1.0, 1.3]))
def test_logits_change_by_the_formula(
    prompt: list[int], generated: list[int], presence: float, frequency: float, repetition: float
) -> None:
    sampling = Sampling(presence_penalty=presence, frequency_penalty=frequency, repetition_penalty=repetition)
    expected = reference_sampling.edited(LOGITS.tolist(), sampling, prompt, generated)
    np.testing.assert_allclose(penalised(sampling, prompt, generated), expected, rtol=1e-5, atol=1e-6)


@given(TOKENS, TOKENS, TOKENS)
def test_drafts_count_exactly_as_if_they_had_been_generated(
    prompt: list[int], generated: list[int], ahead: list[int]
) -> None:
    sampling = Sampling(presence_penalty=0.3, frequency_penalty=0.7, repetition_penalty=1.1)
    drafted = penalised(sampling, prompt, generated, tuple(ahead))
    assert drafted == penalised(sampling, prompt, generated + ahead)


def test_drafts_leave_nothing_behind() -> None:
    penalties = Penalties(Sampling(repetition_penalty=2.0))
    penalties.apply(LOGITS.copy(), (3, 4))
    row = LOGITS.copy()
    penalties.apply(row)
    assert row.tolist() == LOGITS.tolist()


def test_a_long_text_of_many_different_tokens_is_followed() -> None:
    penalties = Penalties(Sampling(presence_penalty=1.0))
    for token_id in range(500):
        penalties.push(token_id)
    row = np.zeros(600, np.float32)
    penalties.apply(row)
    assert row.tolist() == [-1.0] * 500 + [0.0] * 100


def test_the_prompt_does_not_count_for_presence_and_frequency() -> None:
    sampling = Sampling(presence_penalty=1.0, frequency_penalty=1.0)
    assert penalised(sampling, [1, 2, 3], []) == LOGITS.tolist()


def test_what_is_impossible_stays_impossible() -> None:
    penalties = Penalties(Sampling(repetition_penalty=0.5, presence_penalty=-2.0), [0])
    row = np.array([-np.inf, 1.0], np.float32)
    penalties.apply(row)
    assert row[0] == -np.inf
