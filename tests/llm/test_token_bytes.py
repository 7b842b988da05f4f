"""The bytes behind a token's spelling."""

from typing import Any

import pytest
from tokenizers import decoders, pre_tokenizers

from headrace.llm.token_bytes import Spelling, spelling, token_bytes

LLAMA: dict[str, Any] = {
    "type": "Sequence",
    "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ],
}


@pytest.mark.parametrize(
    ("decoder", "spelt"),
    [
        ({"type": "ByteLevel"}, Spelling(letters=True)),
        ({"type": "Sequence", "decoders": [{"type": "ByteLevel"}]}, Spelling(letters=True)),
        (LLAMA, Spelling(replaced=(("▁", " "),), byte_tokens=True, leading_space=True)),
        (LLAMA | {"decoders": LLAMA["decoders"][:3]}, Spelling(replaced=(("▁", " "),), byte_tokens=True)),
        (
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
            Spelling(replaced=(("▁", " "),), leading_space=True),
        ),
        (
            {"type": "Sequence", "decoders": [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"}]},
            Spelling(replaced=(("▁", " "),)),
        ),
        ({"type": "WordPiece"}, None),
        ({"type": "Replace", "pattern": {"Regex": "a+"}, "content": "b"}, None),
        ({"type": "Replace", "pattern": {"String": ""}, "content": "b"}, None),
        (None, None),
    ],
)
def test_a_decoder_tells_the_spelling(decoder: dict[str, Any] | None, spelt: Spelling | None) -> None:
    assert spelling(decoder) == spelt


def test_every_letter_stands_for_its_byte() -> None:
    letters = pre_tokenizers.ByteLevel.alphabet()
    assert {token_bytes(letter, Spelling(letters=True)) for letter in letters} == {bytes((i,)) for i in range(256)}
    ascii_letters = [letter for letter in letters if token_bytes(letter, Spelling(letters=True)) < b"\x80"]
    for letter in ascii_letters:
        assert token_bytes(letter, Spelling(letters=True)).decode() == decoders.ByteLevel().decode([letter])


@pytest.mark.parametrize(
    ("token", "meant"), [("▁The", b" The"), ("<0x0A>", b"\n"), ("<0xE2>", b"\xe2"), ("é", b"\xc3\xa9")]
)
def test_sentencepiece_spells_spaces_and_bytes(token: str, meant: bytes) -> None:
    spelt = spelling(LLAMA)
    assert spelt is not None
    assert token_bytes(token, spelt) == meant


def test_what_spells_no_bytes_is_taken_as_it_is() -> None:
    assert token_bytes("two words", Spelling(letters=True)) == b"two words"
