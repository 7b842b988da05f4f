"""The library's draws are those of numpy."""

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.generation import Sampling
from headrace.kernels.drawing import chooser
from headrace.llm.drawing import draw, table_depth
from headrace.llm.randomness import stream_key, uniform
from headrace.runtimes.language import UNDECIDED, Rules
from tests.chi_square import fits, tally
from tests.llm import reference_sampling
from tests.tiles import kernels

KEY = stream_key(7)
RULES = [
    Sampling(temperature=0.7),
    Sampling(),
    Sampling(temperature=9.0),
    Sampling(temperature=1e-4),
    Sampling(top_p=0.8),
    Sampling(temperature=2.0, top_p=0.3),
    Sampling(temperature=0.7, top_p=0.05),
    Sampling(top_k=1),
    Sampling(top_k=5),
    Sampling(top_k=1500, top_p=0.99),
    Sampling(temperature=1.5, top_k=7, top_p=0.8),
    Sampling(min_p=0.1),
    Sampling(temperature=1.5, min_p=0.02, top_k=7, top_p=0.9),
]


def rules(row: int, sampling: Sampling, position: int = 0, mask: NDArray[np.int32] | None = None) -> Rules:
    return Rules(row, sampling.temperature, sampling.min_p, sampling.top_p, sampling.top_k, KEY, position, mask)


def choose(logits: NDArray[np.float32], asked: list[Rules], threads: int = 2) -> list[int]:
    return chooser(kernels(), threads)(logits, table_depth(logits.shape[1]), asked)


def rows(count: int, vocabulary: int, scale: float = 3.0) -> NDArray[np.float32]:
    return np.random.default_rng(vocabulary).normal(scale=scale, size=(count, vocabulary)).astype(np.float32)


@pytest.mark.parametrize("vocabulary", [1, 15, 16, 997, 1024, 1025, 4096 + 48, 49_152])
@pytest.mark.parametrize("threads", [1, 2])
def test_greedy_rows_give_the_first_of_the_greatest(vocabulary: int, threads: int) -> None:
    logits = np.round(rows(9, vocabulary))  # many are equal
    found = choose(logits, [Rules(row, 0.0, 0.0, 1.0, 0, 0, 0) for row in (8, *range(9), 3)], threads)
    assert found == logits.argmax(axis=1)[[8, *range(9), 3]].tolist()


@pytest.mark.parametrize("sampling", RULES)
@pytest.mark.parametrize("vocabulary", [192, 997, 4096 + 48, 49_152])
@pytest.mark.parametrize("shift", [0.0, 500.0, -500.0])
def test_draws_are_those_of_numpy(sampling: Sampling, vocabulary: int, shift: float) -> None:
    logits, scratch = rows(24, vocabulary) + np.float32(shift), np.empty(vocabulary, np.float32)
    found = choose(logits, [rules(row, sampling, row) for row in range(24)])
    expected = [draw(row, sampling, partial(uniform, KEY, at), scratch) for at, row in enumerate(logits)]
    unlike = [(ours, theirs) for ours, theirs in zip(found, expected, strict=True) if ours not in (UNDECIDED, theirs)]
    assert len(unlike) <= bool(shift), unlike  # far from zero even logits are rounded
    if vocabulary > 997 or not sampling.top_k:
        assert found.count(UNDECIDED) <= (6 if sampling.top_p < 0.5 else 2)


def test_what_is_equal_to_the_last_of_top_k_stays() -> None:
    logits = np.zeros((1, 4096), np.float32)
    logits[0, [5, 4000]] = 2.0
    logits[0, [77, 2500, 3000]] = 1.0
    drawn = {choose(logits, [rules(0, Sampling(top_k=3), at)])[0] for at in range(200)}
    assert drawn == {5, 77, 2500, 3000, 4000}


@pytest.mark.parametrize("sampling", RULES[4:])
def test_draws_follow_the_distribution(sampling: Sampling) -> None:
    logits = rows(1, 192, 1.5)
    draws = choose(logits, [rules(0, sampling, position) for position in range(6_000)])
    decided = [token_id for token_id in draws if token_id != UNDECIDED]
    if len(decided) == len(draws):
        expected = reference_sampling.distribution(logits[0].tolist(), sampling)
        assert fits(tally(decided, 192), expected, 1e-3 / len(RULES))


@pytest.mark.parametrize("sampling", [Sampling(temperature=0), *RULES])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 77, 190])
def test_a_row_with_what_is_no_number_is_left_undecided(sampling: Sampling, wrong: float, place: int) -> None:
    logits = rows(3, 192)
    logits[1, place] = wrong
    decided = [each != UNDECIDED for each in choose(logits, [rules(at, sampling) for at in range(3)])]
    assert not decided[1]
    assert choose(np.full((1, 40), -np.inf, np.float32), [rules(0, sampling)]) == [UNDECIDED]


def test_what_is_forbidden_is_never_drawn() -> None:
    logits = np.full((1, 2048), -np.inf, np.float32)
    logits[0, [3, 1999]] = 0.0
    for sampling in RULES:
        drawn = choose(logits, [rules(0, sampling, position) for position in range(50)])
        assert set(drawn) <= {3, 1999, UNDECIDED}


@pytest.mark.parametrize("sampling", [Sampling(temperature=0), *RULES])
@pytest.mark.parametrize("vocabulary", [192, 997, 49_152])
def test_a_mask_confines_as_if_the_others_logits_were_lowest(sampling: Sampling, vocabulary: int) -> None:
    logits = rows(8, vocabulary)
    masks = np.random.default_rng(1).integers(-(2**31), 2**31, (8, vocabulary // 32), np.int32)  # 997: some behind it
    bits = np.unpackbits(masks.view(np.uint8), axis=1, bitorder="little").astype(bool)
    lowest = np.full_like(logits, -np.inf)
    lowest[:, : bits.shape[1]] = np.where(bits, logits[:, : bits.shape[1]], -np.inf)
    masked = choose(logits, [rules(row, sampling, row, masks[row]) for row in range(8)])
    assert masked == choose(lowest, [rules(row, sampling, row) for row in range(8)])


def test_where_nothing_may_come_nothing_is_decided() -> None:
    assert choose(rows(1, 192), [rules(0, Sampling(), mask=np.zeros(6, np.int32))]) == [UNDECIDED]


@pytest.mark.parametrize("sampling", [Sampling(temperature=0), *RULES])
def test_a_mask_that_leaves_few_is_decided_at_once(sampling: Sampling) -> None:
    mask = np.zeros(1536, np.int32)
    mask[[3, 700]] = 0b1011, -(2**31)
    found = choose(rows(8, 49_152), [rules(row, sampling, row, mask) for row in range(8)])
    assert found.count(UNDECIDED) <= (4 if sampling.top_p < 0.5 else 0)
    assert set(found) <= {96, 97, 99, 22431, UNDECIDED}


@pytest.mark.parametrize("top_k", [192, 193, 2**31])
def test_as_many_as_there_are_is_any_number(top_k: int) -> None:
    logits = rows(8, 192)
    asked = [[rules(row, Sampling(top_k=each), row) for row in range(8)] for each in (top_k, 0)]
    assert choose(logits, asked[0]) == choose(logits, asked[1])
