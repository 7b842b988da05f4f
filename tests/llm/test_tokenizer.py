"""Text to tokens and back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest, ModelInvalid
from headrace.llm.tokenizer import Tokenizer, load
from headrace.llm.tokenizer_gguf import tokenizer_json
from headrace.weights.checkpoint import TokenizerSource
from tests.llm.tokenizing import TEXT, byte_level_fields, made, sentencepiece_fields, word_piece_fields

BYTE_LEVEL = made(byte_level_fields())
SENTENCEPIECE = made(sentencepiece_fields("prefix"))
PLAIN = made(sentencepiece_fields("plain"))
WORD_PIECE = made(word_piece_fields(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "##d"]))


@pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, SENTENCEPIECE, PLAIN])
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="<▁")))  # SentencePiece writes ▁ for a space
def test_text_survives_the_round_trip(tokenizer: Tokenizer, text: str) -> None:
    token_ids = tokenizer.encode(text)
    assert tokenizer.decode(token_ids) == text
    assert all(0 <= index < tokenizer.vocabulary for index in token_ids)


@given(st.lists(st.integers(0, 340)))
def test_valid_text_is_decoded_as_the_library_does(token_ids: list[int]) -> None:
    assert BYTE_LEVEL.decode(token_ids) == BYTE_LEVEL.library.decode(token_ids)
    assert BYTE_LEVEL.decode(token_ids, False) == BYTE_LEVEL.library.decode(token_ids, skip_special_tokens=False)


@given(st.text(), st.booleans())
def test_sentencepiece_is_decoded_as_the_library_does(text: str, skip: bool) -> None:
    token_ids = SENTENCEPIECE.encode(text)
    assert SENTENCEPIECE.decode(token_ids, skip) == SENTENCEPIECE.library.decode(token_ids, skip_special_tokens=skip)


def test_special_tokens_are_left_out_of_text_unless_asked_for() -> None:
    token_ids = BYTE_LEVEL.encode("The<|im_end|>")
    assert BYTE_LEVEL.decode(token_ids) == "The"
    assert BYTE_LEVEL.decode(token_ids, skip_special=False) == "The<|im_end|>"


def test_a_token_has_a_spelling_a_text_and_bytes() -> None:
    (index,) = BYTE_LEVEL.encode(" The")
    assert (BYTE_LEVEL.token(index), BYTE_LEVEL.token_text(index)) == ("ĠThe", " The")
    assert BYTE_LEVEL.token_id("ĠThe") == index
    byte = BYTE_LEVEL.encode("語")[0]
    assert (BYTE_LEVEL.token_text(byte), BYTE_LEVEL.token_bytes(byte)) == ("�", "語".encode()[:1])


@pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, SENTENCEPIECE, WORD_PIECE])
@pytest.mark.parametrize("index", [-1, 10_000, 1 << 40])
def test_an_id_outside_the_vocabulary_stands_for_nothing(tokenizer: Tokenizer, index: int) -> None:
    assert tokenizer.token_bytes(index) == b""
    assert tokenizer.decode([index]) == ""
    assert tokenizer.token_id("no such token") is None


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="surrogate"):
        BYTE_LEVEL.encode("a\ud800")


def test_many_texts_give_what_each_alone_gives() -> None:
    texts = ["The model", "", "naïve"]
    assert BYTE_LEVEL.encode_many(texts) == [BYTE_LEVEL.encode(text) for text in texts]


def test_a_limit_cuts_the_end_of_the_text_not_the_special_tokens() -> None:
    assert WORD_PIECE.encode_many(["a b c", "a"], limit=4) == [[2, 4, 5, 3], [2, 4, 3]]
    assert WORD_PIECE.encode_many(["a b c"], add_special=False, limit=2) == [[4, 5]]


def test_a_token_is_put_behind_every_text_where_the_file_puts_none_there(tmp_path: Path) -> None:
    for name, fields in (("plain", {}), ("ended", {"add_eos_token": True, "eos_token_id": 0})):
        (tmp_path / name).write_text(json.dumps(tokenizer_json(byte_level_fields() | fields)))
    token = BYTE_LEVEL.token(0)
    plain = load(TokenizerSource(json=tmp_path / "plain", ending=token))
    ended = load(TokenizerSource(json=tmp_path / "ended", ending=token))
    assert plain.encode("The model") == ended.encode("The model") == [*BYTE_LEVEL.encode("The model"), 0]
    for limit in (1, 2, 3, 64):
        assert plain.encode_many(["The model"], limit=limit) == ended.encode_many(["The model"], limit=limit)
    assert plain.encode("The model", add_special=False) == BYTE_LEVEL.encode("The model")


def test_an_ending_that_is_no_token_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer_json(byte_level_fields())))
    with pytest.raises(ModelInvalid, match="'</s>', which is to stand behind every text, is no token"):
        load(TokenizerSource(json=tmp_path / "tokenizer.json", ending="</s>"))


def test_a_pair_has_types_and_loses_the_end_of_its_longer_text() -> None:
    pair = WORD_PIECE.encode_pair("a", "b c")
    assert (pair.token_ids, pair.types) == ([2, 4, 3, 5, 6, 3], [0, 0, 0, 1, 1, 1])
    assert WORD_PIECE.encode_pair("a", "b c", limit=5).token_ids == [2, 4, 3, 5, 3]
    assert WORD_PIECE.encode_pair("a b c", "b c", limit=6).token_ids == [2, 4, 5, 3, 5, 3]
    assert WORD_PIECE.encode_pair("a", "b", limit=3).token_ids == [2, 3, 3]


def test_the_second_of_a_pair_may_have_a_limit_of_its_own() -> None:
    assert WORD_PIECE.encode_pair("a b", "b c", second_limit=1).token_ids == [2, 4, 5, 3, 5, 3]
    assert WORD_PIECE.encode_pair("a b", "b c", limit=8, second_limit=9) == WORD_PIECE.encode_pair("a b", "b c")


def test_word_pieces_are_joined_by_the_library() -> None:
    assert WORD_PIECE.decode(WORD_PIECE.encode("ad b")) == "ad b"


def test_a_file_s_own_truncation_and_padding_are_switched_off(tmp_path: Path) -> None:
    file = tokenizer_json(byte_level_fields())
    file["truncation"] = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    file["padding"] = {
        "strategy": {"Fixed": 128},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<|endoftext|>",
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))
    tokenizer = load(TokenizerSource(json=tmp_path / "tokenizer.json"))
    assert tokenizer.encode(TEXT) == BYTE_LEVEL.encode(TEXT)


def test_a_damaged_file_in_the_cache_is_replaced(tmp_path: Path) -> None:
    source = TokenizerSource(fields=byte_level_fields())
    load(source, "abc", tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_text()
    kept.write_text(whole[:1000])
    assert load(source, "abc", tmp_path).encode("The") == BYTE_LEVEL.encode("The")
    assert kept.read_text() == whole


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"model":{"type":"BPE"}}'])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(ModelInvalid):
        load(TokenizerSource(json=tmp_path / "tokenizer.json"))


def test_a_missing_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"tokenizer\.json"):
        load(TokenizerSource())
    with pytest.raises(ModelInvalid, match="cannot be read"):
        load(TokenizerSource(json=tmp_path / "tokenizer.json"))
