"""What a token covers at most is known where nothing of a text can be dropped, and only there."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.token_bytes import BYTE_LETTERS
from headrace.llm.token_length import Covering, Vocabulary, covering
from tests.llm.tokenizing import byte_level_fields, made, sentencepiece_fields

LETTERS = Vocabulary((*BYTE_LETTERS.values(), "abc"), ("<end>",), False, True, False, None, {"type": "ByteLevel"})
TOKENIZERS = [
    made(fields) for fields in (byte_level_fields(), byte_level_fields("qwen2"), sentencepiece_fields("prefix"))
]


def test_the_longest_token_is_that_of_the_model_or_one_that_was_added() -> None:
    assert covering(LETTERS) == Covering(5)
    assert covering(msgspec.structs.replace(LETTERS, added=())) == Covering(3)
    assert covering(msgspec.structs.replace(LETTERS, normalizer={"type": "NFC"})) == Covering(15)


def test_bytes_without_a_token_do_not_count() -> None:
    lacking = msgspec.structs.replace(LETTERS, tokens=[token for token in LETTERS.tokens if token != "a"])
    assert covering(lacking) == Covering(5, b"a")
    assert covering(lacking).least_tokens("banana" * 5) == 3
    assert covering(msgspec.structs.replace(lacking, normalizer={"type": "NFC"})) == Covering()


@pytest.mark.parametrize(
    "drops",
    [
        {"trims": True},
        {"letters": False},
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": {"type": "Replace", "pattern": {"String": "aa"}, "content": "b"}},
        {"normalizer": {"type": "Replace", "pattern": {"Regex": "a+"}, "content": "b"}},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Removed"}]}},
    ],
)
def test_nothing_is_known_where_text_may_be_dropped(drops: dict[str, Any]) -> None:
    assert covering(msgspec.structs.replace(LETTERS, **drops)) == Covering()


@given(text=st.text(max_size=200) | st.text(" ab\u1112\u1161\u11ab🙂", max_size=200), which=st.integers(0, 2))
def test_a_text_never_has_fewer_tokens_than_are_certain(text: str, which: int) -> None:
    tokenizer = TOKENIZERS[which]
    assert tokenizer.least_tokens(text) <= len(tokenizer.encode(text))
