"""The tokens of words that must not be generated."""

import pytest

from headrace.errors import InvalidRequest
from headrace.llm.bad_words import spellings
from tests.llm.engines import tokenizer

MADE = tokenizer()
ALL = MADE.vocabulary


def as_vllm_does(words: list[str]) -> list[list[int]]:
    """Each word bare, and behind a space where it is as many tokens, of which the first is another."""
    found: list[list[int]] = []
    for word in words:
        for prefix in ("", " "):
            token_ids = MADE.encode(prefix + word.lstrip(), add_special=False)
            if not prefix or (token_ids[0] != found[-1][0] and len(token_ids) == len(found[-1])):
                found.append(token_ids)
    return found


def test_every_word_is_forbidden_as_it_is_in_vllm() -> None:
    words = [" the", "server", "answers", "model answers", "é", "  x", "The"]
    found = spellings(words, MADE, ALL)
    assert all(token_ids in found for token_ids in as_vllm_does(words))


def test_a_word_is_bare_and_behind_a_space_whatever_tokens_that_takes() -> None:
    words = ["the", "server", "answers"]
    found = {MADE.decode(token_ids) for token_ids in spellings(words, MADE, ALL)}
    assert found == {*words, *(f" {word}" for word in words)}


def test_white_space_before_a_word_is_not_part_of_it() -> None:
    assert spellings(["  the"], MADE, ALL) == spellings(["the"], MADE, ALL)


def test_a_word_with_a_token_that_the_model_lacks_cannot_be_written() -> None:
    (token_id,) = MADE.encode("e", add_special=False)
    assert all(max(each) < token_id for each in spellings(["e", "a"], MADE, token_id))


def test_a_word_without_tokens_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        spellings(["a", " \n"], MADE, ALL)
    assert refusal.value.where == "bad_words[1]"


def test_more_text_than_is_looked_for_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^bad_words: at most 16,384"):
        spellings(["a" * 16_385], MADE, ALL)
