"""A step's tokens: each row by itself, whatever is beside it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InputRefused
from headrace.generation import Sampling
from headrace.kernels.drawing import chooser
from headrace.llm.choosing import Choosing
from headrace.llm.sampler import RowChoice, Sampler
from tests.tiles import kernels

VOCABULARY = 192
LOGITS = np.random.default_rng(0).normal(scale=2, size=(8, VOCABULARY)).astype(np.float32)
LOGITS.flags.writeable = False
KINDS = [
    Sampling(temperature=0),
    Sampling(temperature=0, repetition_penalty=1.3),
    Sampling(seed=3),
    Sampling(seed=3, top_k=9, top_p=0.8),
    Sampling(seed=4, top_p=0.8),
    Sampling(seed=5, min_p=0.1, logit_bias={7: 3.0}),
    Sampling(seed=6, min_tokens=3, stop_ids=(1, 2, 3), frequency_penalty=0.4),
    Sampling(seed=7, logprobs=3, presence_penalty=1.0),
]


def texts(kinds: list[int], steps: int = 12) -> list[list[int]]:
    """What each kind generates in one batch; a row's logits depend on its own last token alone."""
    sampler = Sampler(VOCABULARY)
    sequences = [Choosing(KINDS[kind], [1, 2, 3]) for kind in kinds]
    found: list[list[int]] = [[] for _ in kinds]
    for _ in range(steps):
        logits = np.stack([LOGITS[text[-1] % 8 if text else 0] for text in found])
        rows = [RowChoice(at, choosing) for at, choosing in enumerate(sequences)]
        for text, choosing, token_id in zip(found, sequences, sampler.sample(logits, rows).token_ids, strict=True):
            text.append(token_id)
            choosing.push(token_id)
    return found


ALONE = [texts([kind])[0] for kind in range(len(KINDS))]


@given(st.lists(st.integers(0, len(KINDS) - 1), min_size=1, max_size=6))
def test_a_text_is_the_same_alone_and_in_any_company(kinds: list[int]) -> None:
    assert texts(kinds) == [ALONE[kind] for kind in kinds]


def test_a_sequence_that_begins_again_from_its_known_tokens_goes_on_the_same() -> None:
    for sampling, text in zip(KINDS, ALONE, strict=True):
        again = Choosing(sampling, [1, 2, 3])
        for token_id in text[:6]:
            again.push(token_id)
        row = LOGITS[[text[5] % 8]]
        assert Sampler(VOCABULARY).sample(row, [RowChoice(0, again)]).token_ids == [text[6]]


def test_greedy_rows_take_the_likeliest() -> None:
    rows = [RowChoice(at, Choosing(Sampling(temperature=0, top_k=5, top_p=0.1))) for at in range(8)]
    assert Sampler(VOCABULARY).sample(LOGITS, rows).token_ids == LOGITS.argmax(axis=1).tolist()


def test_rows_come_in_the_order_asked_for() -> None:
    greedy = Choosing(Sampling(temperature=0))
    asked = [5, 0, 5]
    chosen = Sampler(VOCABULARY).sample(LOGITS, [RowChoice(at, greedy) for at in asked])
    assert chosen.token_ids == LOGITS[asked].argmax(axis=1).tolist()


@given(st.lists(st.integers(0, 3), min_size=VOCABULARY, max_size=VOCABULARY), st.integers(1, 2**VOCABULARY - 1))
def test_a_masked_greedy_row_takes_the_first_of_the_greatest_that_are_allowed(numbers: list[int], bits: int) -> None:
    allowed = [token_id for token_id in range(VOCABULARY) if bits >> token_id & 1]
    mask = np.frombuffer(bits.to_bytes(VOCABULARY // 8, "little"), np.int32)
    row = RowChoice(0, Choosing(Sampling(temperature=0)), mask=mask)
    found = Sampler(VOCABULARY).sample(np.array([numbers], np.float32), [row]).token_ids
    assert found == [max(allowed, key=lambda token_id: numbers[token_id])]


def test_a_mask_confines_what_is_chosen() -> None:
    bits = np.zeros(VOCABULARY, np.uint8)
    bits[100] = 1
    mask = np.packbits(bits, bitorder="little").view(np.int32)
    rows = [RowChoice(0, Choosing(sampling), mask=mask) for sampling in KINDS]
    assert set(Sampler(VOCABULARY).sample(LOGITS, rows).token_ids) == {100}


def test_log_probabilities_are_the_model_s_own_before_any_rule() -> None:
    sampling = Sampling(temperature=0.1, logprobs=1, logit_bias={3: 100.0})
    chosen = Sampler(VOCABULARY).sample(LOGITS, [RowChoice(0, Choosing(sampling))])
    scored = chosen.scored[0]
    assert scored is not None
    assert scored.logprob == pytest.approx(float(LOGITS[0, 3] - np.log(np.exp(LOGITS[0]).sum())), abs=1e-4)
    assert scored.top[0][0] == LOGITS[0].argmax()


def test_rows_that_want_no_log_probability_have_none() -> None:
    assert Sampler(VOCABULARY).sample(LOGITS, [RowChoice(0, Choosing(Sampling()))]).scored == [None]


def test_nothing_asked_for_gives_nothing() -> None:
    assert Sampler(VOCABULARY).sample(LOGITS, []).token_ids == []


def test_the_distribution_of_a_greedy_row_is_certain() -> None:
    found = Sampler(VOCABULARY).distribution(LOGITS, RowChoice(2, Choosing(Sampling(temperature=0))))
    assert found[LOGITS[2].argmax()] == found.sum() == 1.0


def test_the_distribution_knows_the_rules() -> None:
    choosing = Choosing(Sampling(top_k=1, logit_bias={9: 50.0}))
    assert Sampler(VOCABULARY).distribution(LOGITS, RowChoice(2, choosing))[9] == 1.0


@pytest.mark.parametrize("sampling", KINDS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_row_with_what_is_no_number_is_refused(sampling: Sampling, wrong: float) -> None:
    row = LOGITS[:1].copy()
    row[0, 77] = wrong
    mask = np.full(VOCABULARY // 32, -1, np.int32)
    for asked in (RowChoice(0, Choosing(sampling)), RowChoice(0, Choosing(sampling), mask=mask)):
        with pytest.raises(InputRefused, match="no finite numbers"):
            Sampler(VOCABULARY).sample(row, [asked])


def test_the_library_chooses_the_tokens_that_numpy_does() -> None:
    ours, mask = Sampler(VOCABULARY, chooser(kernels(), 2)), np.full(VOCABULARY // 32, 0x55555555, np.int32)
    for sampling in KINDS:
        rows = [RowChoice(at, Choosing(sampling), mask=mask if at % 3 == 0 else None) for at in range(8)]
        chosen, expected = ours.sample(LOGITS, rows), Sampler(VOCABULARY).sample(LOGITS, rows)
        assert chosen == expected


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_the_library_refuses_rows_with_what_is_no_number(wrong: float) -> None:
    rows = LOGITS.copy()
    rows[3, 77] = wrong
    ours = Sampler(VOCABULARY, chooser(kernels(), 2))
    for sampling in KINDS:
        asked = [RowChoice(at, Choosing(sampling)) for at in range(8)]
        found = ours.at_once(rows, asked)
        assert ours.sample(rows, asked[:3], found[:3]).token_ids
        with pytest.raises(InputRefused, match="no finite numbers"):
            ours.sample(rows, asked[3:4], found[3:4])
