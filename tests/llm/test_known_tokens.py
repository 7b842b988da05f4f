"""Texts with tokens that the model has not are refused."""

import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Embed, Prompt, Score
from headrace.llm.encoder_texts import Reading, texts_of
from headrace.llm.known_tokens import check_encoded
from headrace.llm.prompt import PromptReader
from headrace.weights.checkpoint import Templates
from tests.llm.engines import tokenizer

TOKENIZER = tokenizer()
LAST = TOKENIZER.vocabulary - 1
WORD = TOKENIZER.token_text(LAST)  # a tokenizer's last, which a model of fewer tokens lacks


def test_a_text_of_the_model_s_tokens_is_taken() -> None:
    check_encoded([0, LAST], TOKENIZER, LAST + 1, "prompt")
    check_encoded([], TOKENIZER, LAST, "prompt")


def test_a_token_beyond_the_model_s_is_named() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_encoded([0, LAST], TOKENIZER, LAST, "prompt")
    assert refusal.value.where == "prompt"
    assert f"{WORD!r}, which is token {LAST}" in refusal.value.message


def test_a_prompt_with_one_is_refused() -> None:
    reader = PromptReader(TOKENIZER, LAST, Templates("{{ messages[0].content }}"))
    for prompt in (Prompt(text=WORD), Prompt(messages=({"role": "user", "content": WORD},))):
        with pytest.raises(InvalidRequest, match="none of the model"):
            reader.read(prompt)


@pytest.mark.parametrize(
    ("ask", "scores", "where"),
    [
        (Embed(("The", WORD)), False, "input[1]"),
        (Score("The", ("The", WORD)), False, "documents[1]"),
        (Score(WORD, ("The",)), False, "query"),
        (Score("The", ("The", WORD)), True, "documents[1]"),
    ],
)
def test_a_text_for_an_encoder_with_one_is_refused(ask: Embed | Score, scores: bool, where: str) -> None:
    with pytest.raises(InvalidRequest, match="none of the model") as refusal:
        texts_of(ask, Reading(TOKENIZER, LAST, 64, 4, scores))
    assert refusal.value.where == where
