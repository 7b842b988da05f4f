"""What a token covers at most is known where nothing of a text can be dropped, and only there."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.token_bytes import BYTE_LETTERS
from headrace.llm.token_length import Vocabulary, longest_token
from tests.llm.tokenizing import byte_level_fields, made, sentencepiece_fields

LETTERS = Vocabulary((*BYTE_LETTERS, "abc"), ("<end>",), False, True, False, None, {"type": "ByteLevel"})
TOKENIZERS = [
    made(fields) for fields in (byte_level_fields(), byte_level_fields("qwen2"), sentencepiece_fields("prefix"))
]


def test_the_longest_token_is_that_of_the_model_or_one_that_was_added() -> None:
    assert longest_token(LETTERS) == 5
    assert longest_token(msgspec.structs.replace(LETTERS, added=())) == 3
    assert longest_token(msgspec.structs.replace(LETTERS, normalizer={"type": "NFC"})) == 15


@pytest.mark.parametrize(
    "drops",
    [
        {"trims": True},
        {"tokens": ("a", "b")},
        {"letters": False},
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": {"type": "Replace", "pattern": {"String": "aa"}, "content": "b"}},
        {"normalizer": {"type": "Replace", "pattern": {"Regex": "a+"}, "content": "b"}},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Removed"}]}},
    ],
)
def test_nothing_is_known_where_text_may_be_dropped(drops: dict[str, Any]) -> None:
    assert longest_token(msgspec.structs.replace(LETTERS, **drops)) == 0


@given(text=st.text(max_size=200) | st.text(" ab\u1112\u1161\u11ab🙂", max_size=200), which=st.integers(0, 2))
def test_a_text_never_has_fewer_tokens_than_are_certain(text: str, which: int) -> None:
    tokenizer = TOKENIZERS[which]
    assert tokenizer.least_tokens(text) <= len(tokenizer.encode(text))
