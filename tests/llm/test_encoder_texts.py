"""What an encoder is asked becomes texts that it can read, and its rows the answer."""

import numpy as np
import pytest

from headrace.errors import ContextLengthExceeded, InvalidRequest
from headrace.generation import Embed, Embedded, Score, Scored
from headrace.llm.encoder_texts import Reading, answer, texts_of
from tests.llm.engines import tokenizer

TOKENIZER = tokenizer()
VECTORS = Reading(TOKENIZER, TOKENIZER.vocabulary, 6, 4)
SCORES = Reading(TOKENIZER, TOKENIZER.vocabulary, 6, 1, scores=True)
LONG = "The model answers. The server starts; tokens."


@pytest.mark.parametrize(
    ("ask", "reading", "where"),
    [
        (Embed(("The", LONG)), VECTORS, "input[1]"),
        (Embed(((1, 2), (1, TOKENIZER.vocabulary))), VECTORS, "input[1][1]"),
        (Embed(("The",), dimensions=5), VECTORS, "dimensions"),
        (Embed(("The", "")), VECTORS, "input[1]"),
        (Embed((LONG,), listed=False), VECTORS, "input"),
        (Embed((LONG,), where="text_input"), VECTORS, "text_input[0]"),
        (Embed(("The",)), SCORES, "model"),
        (Score("The", ("a", LONG), truncate=False), SCORES, "documents[1]"),
        (Score("The", ("a", LONG), truncate=False, where="texts"), SCORES, "texts[1]"),
        (Score(LONG, ("a",), truncate=False), SCORES, "query"),
        (Score("The", ("a", LONG), truncate=False), VECTORS, "documents[1]"),
        (Score("The", ("a", LONG), truncate=False, where="texts"), VECTORS, "texts[1]"),
        (Score(LONG, ("a",), truncate=False), VECTORS, "query"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_field(ask: Embed | Score, reading: Reading, where: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        texts_of(ask, reading)
    assert refusal.value.where == where


def test_a_long_text_loses_its_end_where_that_is_asked() -> None:
    (text, tokens) = texts_of(Embed((LONG, tuple(range(3, 20))), truncate=True), VECTORS)
    assert list(text.token_ids) == TOKENIZER.encode(LONG)[:6]
    assert list(tokens.token_ids) == list(range(3, 9))


@pytest.mark.parametrize("truncate", [True, False])
@pytest.mark.parametrize("reading", [VECTORS, SCORES])
def test_each_text_that_is_scored_loses_what_it_has_beyond_its_own_limit(reading: Reading, truncate: bool) -> None:
    query = "The model"
    (cut,) = texts_of(Score(query, (LONG,), truncate, max_text_tokens=2), reading)[-1:]
    expected = [*(TOKENIZER.encode(query) if reading.scores else []), *TOKENIZER.encode(LONG)[:2]]
    assert list(cut.token_ids) == expected
    whole = [texts_of(Score(query, (LONG,), max_text_tokens=limit), reading) for limit in (None, 6, 4096)]
    assert whole[0] == whole[1] == whole[2]


@pytest.mark.parametrize("reading", [VECTORS, SCORES])
def test_a_query_that_is_too_long_is_refused_also_where_texts_are_cut(reading: Reading) -> None:
    """Of two that differ beyond the limit, both would have the same scores."""
    with pytest.raises(ContextLengthExceeded) as refusal:
        texts_of(Score(LONG, ("a",)), reading)
    assert refusal.value.where == "query"


def test_a_query_leaves_room_for_a_token_of_the_text() -> None:
    query = TOKENIZER.decode(TOKENIZER.encode(LONG)[:6])
    assert len(TOKENIZER.encode(query)) == 6
    with pytest.raises(ContextLengthExceeded):
        texts_of(Score(query, ("a",)), SCORES)
    assert len(texts_of(Score(query, ("a",)), VECTORS)) == 2


def test_a_cross_encoder_reads_pairs() -> None:
    texts = texts_of(Score("The", ("model", LONG)), SCORES)
    assert [len(text.token_ids) == len(text.types) <= 6 for text in texts] == [True, True]


def test_vectors_are_brought_to_length_one_after_they_are_cut() -> None:
    rows = np.array([[3, 4, 12, 0], [0, 0, 0, 0]], np.float32)
    texts = texts_of(Embed(("The", "model")), VECTORS)
    cut = answer(Embed(("The", "model"), dimensions=2), texts, rows, VECTORS)
    assert isinstance(cut, Embedded)
    assert np.frombuffer(cut.vectors, "<f4").tolist() == pytest.approx([0.6, 0.8, 0, 0])
    raw = answer(Embed(("The", "model"), normalize=False), texts, rows, VECTORS)
    assert isinstance(raw, Embedded)
    assert raw.vectors == rows.tobytes()


def test_texts_are_scored_by_the_cosine_to_the_query() -> None:
    ask = Score("The", ("model", "server"))
    texts = texts_of(ask, VECTORS)
    found = answer(ask, texts, np.array([[2, 0, 0, 0], [3, 3, 0, 0], [0, 1, 0, 0]], np.float32), VECTORS)
    assert isinstance(found, Scored)
    assert found.scores == pytest.approx((0.5**0.5, 0))
    assert (found.method, found.prompt_tokens) == ("cosine", sum(len(text.token_ids) for text in texts))


def test_a_cross_encoders_scores_are_probabilities() -> None:
    ask = Score("The", ("model", "server"))
    found = answer(ask, texts_of(ask, SCORES), np.array([[0], [100]], np.float32), SCORES)
    assert isinstance(found, Scored)
    assert found.scores == pytest.approx((0.5, 1.0))
    assert found.method == "cross-encoder"
