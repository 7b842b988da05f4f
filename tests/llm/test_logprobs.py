"""Log-probabilities, against the definition."""

import numpy as np
import pytest

from headrace.llm.logprobs import score, score_all

LOGITS = np.random.default_rng(0).normal(scale=4, size=(3, 960)).astype(np.float32)
EXPECTED = LOGITS - np.log(np.exp(LOGITS.astype(np.float64)).sum(axis=1, keepdims=True))


def test_a_token_is_scored_by_the_log_of_the_softmax() -> None:
    assert score(LOGITS[0], 12, 0, np.empty(960, np.float32)).logprob == pytest.approx(EXPECTED[0, 12], abs=1e-5)


def test_the_likeliest_come_first() -> None:
    top = score(LOGITS[0], 12, 5, np.empty(960, np.float32)).top
    assert [token_id for token_id, _ in top] == np.argsort(-LOGITS[0])[:5].tolist()


def test_the_likeliest_are_scored_too() -> None:
    top = score(LOGITS[0], 12, 5, np.empty(960, np.float32)).top
    assert [logprob for _, logprob in top] == pytest.approx(-np.sort(-EXPECTED[0])[:5], abs=1e-5)


def test_no_alternatives_are_given_where_none_are_wanted() -> None:
    assert score(LOGITS[0], 12, 0, np.empty(960, np.float32)).top == ()


def test_a_prompt_is_scored_row_by_row() -> None:
    found = [scored.logprob for scored in score_all(LOGITS, [4, 5, 6], 2)]
    assert found == pytest.approx([EXPECTED[0, 4], EXPECTED[1, 5], EXPECTED[2, 6]], abs=1e-5)


def test_a_prompt_s_tokens_are_ranked_among_all() -> None:
    ranks = [scored.rank for scored in score_all(LOGITS, [4, 5, int(LOGITS[2].argmax())], 0)]
    assert ranks == [np.argsort(-LOGITS[0]).tolist().index(4) + 1, np.argsort(-LOGITS[1]).tolist().index(5) + 1, 1]


def test_tokens_that_are_as_likely_share_the_better_rank() -> None:
    rows = np.array([[1.0, 3.0, 2.0, 2.0]] * 2, np.float32)
    assert [scored.rank for scored in score_all(rows, [2, 3], 0)] == [2, 2]


def test_a_mask_in_the_model_is_no_fault() -> None:
    row = np.array([0.0, -np.inf], np.float32)
    assert score(row, 1, 0, np.empty(2, np.float32)).logprob == -np.inf
