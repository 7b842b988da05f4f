"""Speculation changes no distribution, and where drafts are certain not even the text."""

from collections import Counter
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.generation import Sampling
from headrace.llm.acceptance import accept_drawn, kept, rows_to_verify
from headrace.llm.choosing import Choosing
from headrace.llm.randomness import stream_key, uniform
from headrace.llm.sampler import RowChoice, Sampler
from tests.chi_square import fits
from tests.llm import reference_sampling

VOCABULARY = 16
LOGITS = np.random.default_rng(2).normal(scale=1.2, size=(17, VOCABULARY)).astype(np.float32)
ERROR = 1e-3 / 20  # of one of about twenty tests of counts: 1e-3 in all


@given(st.lists(st.integers(0, 2), max_size=5), st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_drafts_stand_up_to_the_first_that_was_not_chosen(drafts: list[int], chosen: list[int]) -> None:
    agreeing = [one == other for one, other in zip(drafts, chosen, strict=False)]
    assert kept(drafts, chosen) == (agreeing.index(False) if False in agreeing else len(drafts))


def test_each_row_is_told_the_drafts_before_it() -> None:
    rows = rows_to_verify(3, Choosing(Sampling()), [7, 8])
    assert [(row.at, row.ahead) for row in rows] == [(3, ()), (4, (7,)), (5, (7, 8))]


def test_each_row_has_its_own_mask() -> None:
    masks = [np.full(1, n, np.int32) for n in range(3)]
    assert [row.mask for row in rows_to_verify(0, Choosing(Sampling()), [7, 8], masks)] == masks


def generate(sampling: Sampling, drafts: list[list[int]], least: int = 14) -> list[int]:
    """A text whose logits depend on the last two tokens; each step tries the next of `drafts`, then none."""
    sampler, choosing, text = Sampler(VOCABULARY), Choosing(sampling, [1, 4], eos_ids=[0]), [1, 4]
    waiting = iter(drafts)
    while len(text) < least:
        ahead = next(waiting, [])
        whole = [*text, *ahead]
        logits = np.stack([LOGITS[(3 * whole[at - 1] + whole[at]) % 17] for at in range(len(text) - 1, len(whole))])
        chosen = sampler.sample(logits, rows_to_verify(0, choosing, ahead)).token_ids
        for token_id in chosen[: kept(ahead, chosen) + 1]:
            text.append(token_id)
            choosing.push(token_id)
    return text[:least]


SAMPLINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.3, 1.0]),
    seed=st.integers(0, 5),
    top_k=st.sampled_from([0, 4]),
    top_p=st.sampled_from([0.7, 1.0]),
    presence_penalty=st.sampled_from([0.0, 0.8]),
    repetition_penalty=st.sampled_from([1.0, 1.2]),
    min_tokens=st.sampled_from([0, 5]),
)
GUESSES = st.lists(st.lists(st.integers(0, VOCABULARY - 1), max_size=4), max_size=14)


@given(SAMPLINGS, GUESSES)
def test_certain_drafts_leave_the_text_as_it_is_without_them(sampling: Sampling, guesses: list[list[int]]) -> None:
    assert generate(sampling, guesses) == generate(sampling, [])


@given(SAMPLINGS, st.integers(1, 5))
def test_drafts_that_are_right_are_all_kept(sampling: Sampling, length: int) -> None:
    text = generate(sampling, [])
    assert generate(sampling, [text[2 : 2 + length]])[: 2 + length] == text[: 2 + length]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_certain_drafts_leave_the_distribution_as_it_is(length: int) -> None:
    sampling, sampler = Sampling(temperature=0.8, top_k=12), Sampler(VOCABULARY)
    p = [reference_sampling.distribution(row.tolist(), sampling) for row in LOGITS[: length + 1]]
    drafts = [int(row.argmax()) for row in p[:-1]]
    seen: Counter[tuple[int, int]] = Counter()
    for seed in range(30_000 // (length + 1)):
        rows = rows_to_verify(0, Choosing(sampling, fresh_seed=seed), drafts)
        chosen = sampler.sample(LOGITS, rows).token_ids
        seen[kept(drafts, chosen), chosen[kept(drafts, chosen)]] += 1
    rest = [np.where(np.arange(VOCABULARY) == draft, 0, row) for draft, row in zip(drafts, p, strict=False)]
    alike = np.cumprod([1, *(row[draft] for draft, row in zip(drafts, p, strict=False))])
    _check_cells(seen, [*rest, p[-1]], alike)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_drafts_chosen_by_the_same_random_numbers_leave_the_distribution_as_it_is(length: int) -> None:
    sampling, sampler = Sampling(temperature=0.8, top_p=0.95), Sampler(VOCABULARY)
    guesses = LOGITS + np.random.default_rng(length).normal(scale=0.4, size=LOGITS.shape).astype(np.float32)
    p, q = (
        [reference_sampling.distribution(row.tolist(), sampling) for row in rows[: length + 1]]
        for rows in (LOGITS, guesses)
    )
    pairs: Counter[tuple[int, int, int]] = Counter()
    num_texts, num_first = 4_000, 0
    for seed in range(num_texts):
        choosing = Choosing(sampling, fresh_seed=seed)
        drafts: list[int] = []
        for place in range(length):
            drafts += sampler.guess(guesses, [RowChoice(place, choosing, tuple(drafts))])
        chosen = sampler.sample(LOGITS, rows_to_verify(0, choosing, drafts)).token_ids
        text = chosen[: kept(drafts, chosen) + 1]
        for token_id in text:
            choosing.push(token_id)
        num_first += text[0] == drafts[0]
        while len(text) <= length:  # as a step without drafts goes on
            text += sampler.sample(LOGITS, [RowChoice(len(text), choosing)]).token_ids
            choosing.push(text[-1])
        pairs.update((place, *pair) for place, pair in enumerate(pairwise(text)))
    for place in range(length):
        counts = [[pairs[place, one, other] for other in range(VOCABULARY)] for one in range(VOCABULARY)]
        assert fits(counts, np.outer(p[place], p[place + 1]), ERROR / 6)
    assert num_first / num_texts > 1.3 * float(np.dot(p[0], q[0]))  # than of drafts drawn by other numbers


@pytest.mark.parametrize("sharpness", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_drawn_drafts_leave_the_distribution_as_it_is(length: int, sharpness: float) -> None:
    random = np.random.default_rng(length)
    p = random.dirichlet(np.full(VOCABULARY, 0.5), length + 1)
    q = _softmax(sharpness * np.log(p[:-1] + 1e-9) + random.normal(scale=0.3, size=p[:-1].shape))
    seen: Counter[tuple[int, int]] = Counter()
    ends = q.cumsum(axis=1)
    for drawn in random.random((8_000, length)):
        drafts = [min(int(ends[place].searchsorted(u)), VOCABULARY - 1) for place, u in enumerate(drawn)]
        gained = accept_drawn(p, q, drafts, partial(uniform, stream_key(sum(seen.values())), 0))
        assert gained[:-1] == drafts[: len(gained) - 1]
        seen[len(gained) - 1, gained[-1]] += 1
    rest = np.maximum(p[:-1] - q, 0)
    _check_cells(seen, [*rest, p[-1]], np.cumprod([1, *np.minimum(p[:-1], q).sum(axis=1)]))


def test_drafts_of_the_model_s_own_distribution_are_all_kept() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(VOCABULARY), 4)
    for seed in range(200):
        drafts = [seed % VOCABULARY, 3, 5]
        assert accept_drawn(p, p[:3], drafts, partial(uniform, stream_key(seed), 0))[:3] == drafts


def test_a_draft_that_the_model_never_says_is_refused() -> None:
    p, q = np.array([[0.0, 1.0], [0.5, 0.5]]), np.array([[1.0, 0.0]])
    assert accept_drawn(p, q, [0], lambda _: 0.0) == [1]


def _check_cells(seen: Counter[tuple[int, int]], last: list[NDArray[np.float64]], alike: NDArray[np.float64]) -> None:
    """How many drafts were kept, and for each number the token after them: after a refusal, or the bonus."""
    by_kept = [sum(count for (many, _), count in seen.items() if many == place) for place in range(len(last))]
    assert fits(by_kept, alike - np.append(alike[1:], 0), ERROR / 6)
    for place, row in enumerate(last):
        counts = [seen[place, token_id] for token_id in range(VOCABULARY)]
        assert fits(counts, row / max(row.sum(), 1e-300), ERROR / 6)


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.exp(values - values.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
