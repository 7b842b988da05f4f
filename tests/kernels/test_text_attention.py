"""Attention within whole texts: nearly that of float64, and a text's bits are the same alone and in company."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest
from numpy.typing import NDArray

from headrace.kernels import operations
from tests.kernels.test_operations import compiled
from tests.tiles import kernels

Floats = NDArray[np.float32]
SCALE = 0.3


def attention_of(heads: int, dim: int, threads: int = 2) -> Any:
    joined, begins = op.parameter([-1, 3 * heads * dim], ov.Type.f32), op.parameter([-1], ov.Type.i32)
    found = operations.text_attention(kernels(), joined, begins, heads, SCALE)
    return compiled([joined, begins], [found], threads)


def attention_of_seen(heads: int, narrow: bool = False) -> Any:
    """It is told, too, how many tokens of each text are seen."""
    joined, begins = op.parameter([-1, 3 * 32 * heads], ov.Type.f32), op.parameter([-1], ov.Type.i32)
    seen = op.parameter([-1], ov.Type.i32)
    found = operations.text_attention(kernels(), joined, begins, heads, SCALE, seen, narrow)
    return compiled([joined, begins, seen], [found])


def rows(tokens: int, heads: int, dim: int) -> Floats:
    found: Floats = np.random.default_rng(tokens).normal(size=(tokens, 3 * heads * dim)).astype(np.float32)
    return found


def begins_of(lengths: Sequence[int]) -> NDArray[np.int32]:
    return np.cumsum([0, *lengths]).astype(np.int32)


def expected(joined: Floats, lengths: Sequence[int], heads: int) -> NDArray[np.float64]:
    found = []
    for text in np.split(joined.astype(np.float64), begins_of(lengths)[1:-1]):
        parts = np.split(text, 3, axis=1)
        query, key, value = (part.reshape(len(text), heads, -1).transpose(1, 0, 2) for part in parts)
        scores = SCALE * query @ key.transpose(0, 2, 1)
        weights = np.exp(scores - scores.max(axis=2, keepdims=True))
        mixed = weights / weights.sum(axis=2, keepdims=True) @ value
        found.append(mixed.transpose(1, 0, 2).reshape(len(text), -1))
    return np.concatenate(found)


@pytest.mark.parametrize(("heads", "dim"), [(12, 32), (2, 64), (3, 40), (1, 7), (1, 130)])
@pytest.mark.parametrize("lengths", [[1], [16], [31, 32, 33], [5, 1, 300, 64]])
def test_every_token_weighs_all_of_its_text(heads: int, dim: int, lengths: list[int]) -> None:
    joined = rows(sum(lengths), heads, dim)
    found = attention_of(heads, dim)([joined, begins_of(lengths)])[0]
    assert np.abs(found - expected(joined, lengths, heads)).max() < 5e-4


def test_a_text_has_the_same_bits_alone_and_in_company_and_with_any_number_of_threads() -> None:
    lengths = [7, 40, 150, 1, 33]
    joined = rows(sum(lengths), 4, 32)
    together = attention_of(4, 32)([joined, begins_of(lengths)])[0].copy()
    assert np.array_equal(attention_of(4, 32, threads=1)([joined, begins_of(lengths)])[0], together)
    run = attention_of(4, 32)
    alone = [run([part, begins_of([len(part)])])[0].copy() for part in np.split(joined, begins_of(lengths)[1:-1])]
    assert np.array_equal(np.concatenate(alone), together)


def test_a_text_with_what_is_no_number_gives_none_and_others_are_as_they_are() -> None:
    lengths, run = [20, 30], attention_of(2, 32)
    joined = rows(50, 2, 32)
    whole = run([joined, begins_of(lengths)])[0].copy()
    joined[3, 5] = np.nan  # of a query of the first head
    joined[25, 2 * 64 + 40] = np.inf  # of a value of the second head
    found = run([joined, begins_of(lengths)])[0]
    assert not np.isfinite(found[3, :32]).any() and not np.isfinite(found[20:, 40]).any()
    assert np.array_equal(np.delete(found[:20], 3, 0), np.delete(whole[:20], 3, 0))


def test_large_scores_leave_one_token_all_the_weight() -> None:
    joined = rows(40, 1, 32) * 100
    found = attention_of(1, 32)([joined, begins_of([40])])[0]
    assert np.abs(found - expected(joined, [40], 1)).max() < 1.0
    assert np.isfinite(found).all()


@pytest.mark.parametrize("begins", [[0, 5], [1, 10], [0, 12, 10], [10]])
def test_texts_that_are_not_all_tokens_are_refused(begins: list[int]) -> None:
    with pytest.raises(RuntimeError):
        attention_of(2, 32)([rows(10, 2, 32), np.array(begins, np.int32)])


def test_no_texts_give_nothing() -> None:
    assert attention_of(2, 32)([rows(0, 2, 32), begins_of([])])[0].shape == (0, 64)


@pytest.mark.parametrize("narrow", [False, True])
def test_tokens_that_are_not_seen_see_the_others(narrow: bool) -> None:
    lengths, seen = [40, 9, 33], [35, 9, 1]
    joined = rows(sum(lengths), 2, 32)
    run = attention_of_seen(2, narrow)
    found = run([joined, begins_of(lengths), np.array(seen, np.int32)])[0]
    for begin, length, count in zip(begins_of(lengths), lengths, seen, strict=False):
        text = joined[begin : begin + length]
        for token in range(length):  # as the last of those that are seen, in whose place its query stands
            query = np.concatenate([text[token : token + 1, :64], text[count - 1 : count, 64:]], axis=1)
            alone = expected(np.concatenate([text[: count - 1], query]), [count], 2)[-1]
            assert np.abs(found[begin + token] - alone).max() < (3e-2 if narrow else 5e-4)


def test_rounded_to_bfloat16_it_is_nearly_as_good() -> None:
    joined, begins = op.parameter([-1, 3 * 384], ov.Type.f32), op.parameter([-1], ov.Type.i32)
    run = compiled([joined, begins], [operations.text_attention(kernels(), joined, begins, 12, SCALE, narrow=True)])
    lengths = [7, 64, 100]
    x = rows(sum(lengths), 12, 32)
    assert np.abs(run([x, begins_of(lengths)])[0] - expected(x, lengths, 12)).max() < 5e-2


def test_begins_that_wrap_around_are_refused() -> None:
    with pytest.raises(RuntimeError):
        attention_of(1, 32)([rows(8, 1, 32), np.array([0, 2**31 - 1, -(2**31), -1000, 8], np.int32)])


@pytest.mark.parametrize("seen", [[0, 5], [4, 6], [3]])
def test_what_is_seen_is_of_each_text_and_no_more_than_it_has(seen: list[int]) -> None:
    run = attention_of_seen(1)
    with pytest.raises(RuntimeError):
        run([rows(8, 1, 32), begins_of([3, 5]), np.array(seen, np.int32)])
