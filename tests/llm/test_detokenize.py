"""Tokens become text as they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.detokenize import Detokenizer
from headrace.llm.tokenizer import Tokenizer
from tests.llm.tokenizing import byte_level_fields, made, sentencepiece_fields

TOKENIZERS = [made(byte_level_fields()), made(sentencepiece_fields("prefix")), made(sentencepiece_fields("plain"))]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(token_ids=st.lists(st.integers(0, 620)), skip=st.booleans())
def test_all_pieces_together_are_the_text_of_all_tokens(tokenizer: Tokenizer, token_ids: list[int], skip: bool) -> None:
    detokenizer = Detokenizer(tokenizer, skip, at_start=True)
    pieces = [detokenizer.feed(index) for index in token_ids]
    assert "".join(pieces) + detokenizer.finish() == tokenizer.decode(token_ids, skip)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(text=st.text())
def test_a_piece_never_holds_part_of_a_character(tokenizer: Tokenizer, text: str) -> None:
    detokenizer = Detokenizer(tokenizer)
    for index in tokenizer.encode(text.replace("�", "")):
        assert "�" not in detokenizer.feed(index)


def test_a_character_is_given_with_its_last_byte() -> None:
    detokenizer = Detokenizer(TOKENIZERS[1])
    pieces = [detokenizer.feed(TOKENIZERS[1].token_id(f"<0x{byte:02X}>") or 0) for byte in "🙂".encode()]
    assert pieces == ["", "", "", "🙂"]


def test_what_never_becomes_a_character_is_told_at_the_end() -> None:
    detokenizer = Detokenizer(TOKENIZERS[1])
    assert detokenizer.feed(TOKENIZERS[1].token_id("<0xF0>") or 0) == ""
    assert detokenizer.finish() == "�"


def test_what_continues_a_prompt_keeps_its_first_space() -> None:
    tokenizer = TOKENIZERS[1]
    (_, *token_ids) = tokenizer.encode("The")
    assert "".join(map(Detokenizer(tokenizer).feed, token_ids)) == " The"
    assert "".join(map(Detokenizer(tokenizer, at_start=True).feed, token_ids)) == "The"


def test_special_tokens_give_no_text_unless_asked_for() -> None:
    tokenizer = TOKENIZERS[0]
    assert Detokenizer(tokenizer).feed(1) == ""
    assert Detokenizer(tokenizer, skip_special=False).feed(1) == "<|im_start|>"
