"""Fields of a GGUF file become the tokenizer that they describe."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ModelInvalid
from headrace.llm.tokenizer_gguf import tokenizer_json
from tests.llm.tokenizing import (
    SENTENCEPIECE,
    SPECIAL,
    TEXT,
    byte_level_fields,
    made,
    sentencepiece_fields,
    word_piece_fields,
)

MINILM = Path(__file__).parents[2] / "models" / "minilm" / "tokenizer.json"


@pytest.mark.parametrize("name", ["prefix", "plain"])
def test_merges_from_scores_give_the_tokens_of_sentencepiece(name: str) -> None:
    tokenizer = made(sentencepiece_fields(name))
    for text, token_ids in SENTENCEPIECE[name]["encoded"]:
        assert tokenizer.encode(text, add_special=False) == token_ids
        assert tokenizer.decode(token_ids) == text


def test_a_sentencepiece_text_begins_with_bos_unless_the_file_says_otherwise() -> None:
    assert made(sentencepiece_fields("prefix")).encode("The")[0] == 1
    assert made(sentencepiece_fields("prefix", add_bos_token=False)).encode("The")[0] != 1
    assert made(sentencepiece_fields("prefix", add_eos_token=True)).encode("The")[-1] == 2


def test_a_token_of_the_users_own_is_found_in_text_and_is_not_special() -> None:
    tokenizer = made(sentencepiece_fields("plain"))
    assert tokenizer.token_id("<tool>") in tokenizer.encode("a<tool>b")
    assert tokenizer.decode(tokenizer.encode("a<tool>b")) == "a<tool>b"


def test_phi_3_s_markers_take_the_white_space_behind_them() -> None:
    fields = sentencepiece_fields("plain")
    fields["tokens"] = [*fields["tokens"], "<|user|>", "<|placeholder1|>"]
    fields["token_type"] = [*fields["token_type"], 3, 3]
    fields["scores"] = [*fields["scores"], 0.0, 0.0]
    assert made(fields).decode(made(fields).encode("<|user|>\nThe"), skip_special=False) == "<s><|user|>The"


def test_byte_level_tokens_join_to_the_text() -> None:
    tokenizer = made(byte_level_fields())
    token_ids = tokenizer.encode(TEXT)
    assert tokenizer.decode(token_ids) == TEXT
    assert len(token_ids) < len(TEXT.encode()) / 2


def test_digits_are_apart_where_the_model_was_trained_so() -> None:
    tokenizer = made(byte_level_fields("smollm"))
    assert [tokenizer.token(index) for index in tokenizer.encode("1234")] == ["1", "2", "3", "4"]
    other = made(byte_level_fields("gpt-2"))
    assert [other.token(index) for index in other.encode("1234")] == ["12", "34"]


def test_control_tokens_are_special_and_found_in_text() -> None:
    tokenizer = made(byte_level_fields())
    assert tokenizer.special_ids == {0, 1, 2}
    assert tokenizer.encode("<|im_start|>The<|im_end|>")[::2] == [1, 2]
    assert [tokenizer.token(index) for index in range(3)] == list(SPECIAL)


def test_a_token_that_only_fills_the_vocabulary_is_not_found_in_text() -> None:
    fields = byte_level_fields()
    count = len(fields["tokens"])
    fields["tokens"] = [*fields["tokens"], f"[PAD{count}]", "<extra>"]
    fields["token_type"] = [*fields["token_type"], 4, 4]
    tokenizer = made(fields)
    assert tokenizer.encode("<extra>") == [count + 1]
    assert count not in tokenizer.encode(f"[PAD{count}]")
    assert tokenizer.vocabulary == count + 2


def test_llama_3_takes_a_word_that_is_a_token_as_it_is_and_begins_with_bos() -> None:
    fields = byte_level_fields("llama-bpe", merges=[])
    del fields["add_bos_token"]
    tokenizer = made(fields)
    assert tokenizer.token(tokenizer.encode("The")[1]) == "The"
    assert tokenizer.encode("The")[0] == 1


def test_text_for_qwen_2_is_composed_first() -> None:
    tokenizer = made(byte_level_fields("qwen2"))
    assert tokenizer.encode("cafe\u0301") == tokenizer.encode("café")


@pytest.mark.skipif(not MINILM.exists(), reason="`make models` places it")
def test_word_pieces_are_those_of_the_models_own_file() -> None:
    own = json.loads(MINILM.read_text())
    vocabulary: dict[str, int] = own["model"]["vocab"]
    fields = word_piece_fields(sorted(vocabulary, key=lambda token: vocabulary[token]))
    from_fields = tokenizer_json(fields)
    assert from_fields["model"] == own["model"] | {"type": "WordPiece"}
    assert from_fields["post_processor"] == own["post_processor"]
    text = "Hello, WORLD! naïve café 日本語 unaffable 🙂"
    own["normalizer"]["strip_accents"] = True
    assert from_fields["normalizer"] == own["normalizer"]
    tokenizer = made(fields)
    assert [tokenizer.token(index) for index in tokenizer.encode(text)][:5] == ["[CLS]", "hello", ",", "world", "!"]


def test_a_vocabulary_with_capitals_keeps_them() -> None:
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "Hello", "hello", "##s"]
    assert made(word_piece_fields(tokens)).encode("Hello hellos") == [2, 4, 5, 6, 3]
    lower = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hello", "##s"]
    assert made(word_piece_fields(lower)).encode("Hello hellos") == [2, 4, 4, 5, 3]


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, "model"),
        ({"model": "t5"}, "model"),
        (byte_level_fields("no-such"), "pre"),
        (_without(byte_level_fields(), "pre"), "pre"),
        (_without(byte_level_fields(), "tokens"), "tokens"),
        (byte_level_fields(tokens=[]), "tokens"),
        (byte_level_fields(tokens=["a", 1]), "tokens"),
        (byte_level_fields(tokens="abc"), "tokens"),
        (byte_level_fields(token_type=[1]), "token_type"),
        (byte_level_fields(merges=["ab"]), "merges[0]"),
        (byte_level_fields(add_bos_token=True, bos_token_id=-1), "bos_token_id"),
        (byte_level_fields(add_eos_token=True, eos_token_id=400), "eos_token_id"),
        (_without(sentencepiece_fields("plain"), "scores"), "scores"),
        (sentencepiece_fields("plain", scores=[float("nan")] * 600), "scores"),
        (sentencepiece_fields("plain", unknown_token_id="<unk>"), "unknown_token_id"),
        (sentencepiece_fields("plain", precompiled_charsmap=[1, 2]), "precompiled_charsmap"),
        (sentencepiece_fields("plain", remove_extra_whitespaces=True), "remove_extra_whitespaces"),
    ],
)
def test_fields_that_make_no_tokenizer_are_refused_by_name(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(ModelInvalid) as refused:
        tokenizer_json(fields)
    assert refused.value.where == f"tokenizer.ggml.{where}"
