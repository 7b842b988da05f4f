"""The bytes that a token stands for, from its spelling in the vocabulary.

Vocabularies spell bytes in two ways: byte-level BPE has a printable letter for each byte (GPT-2's table); SentencePiece
has text with a mark for the space, and `<0x0A>` for a byte that no text token covers.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

Json = Mapping[str, Any]


class Spelling(msgspec.Struct, frozen=True):
    """How tokens are spelt, so that the bytes of a text are those of its tokens one after another."""

    letters: bool = False  # one letter for each byte
    replaced: tuple[tuple[str, str], ...] = ()  # what is written, what it stands for
    byte_tokens: bool = False  # `<0x0A>`
    leading_space: bool = False  # the tokenizer put a space before the text, which is none of the text's


def spelling(decoder: Json | None) -> Spelling | None:
    """The spelling that a tokenizer.json's `decoder` undoes; None where tokens are not simply joined (WordPiece), or
    what is replaced in them is more than a text."""
    if decoder is None:
        return None
    steps: Sequence[Json] = decoder.get("decoders", [decoder])
    kinds = {step.get("type") for step in steps}
    if kinds == {"ByteLevel"}:
        return Spelling(letters=True)
    if kinds == {"Metaspace"}:
        return Spelling(
            replaced=((steps[0]["replacement"], " "),), leading_space=steps[0].get("prepend_scheme") != "never"
        )
    if not kinds <= {"Replace", "ByteFallback", "Fuse", "Strip"}:
        return None
    if any(step["type"] == "Replace" and not step["pattern"].get("String") for step in steps):
        return None
    return Spelling(
        replaced=tuple(_replacement(step) for step in steps if step["type"] == "Replace"),
        byte_tokens="ByteFallback" in kinds,
        leading_space=any(step["type"] == "Strip" and step["start"] for step in steps),
    )


def _replacement(step: Json) -> tuple[str, str]:
    return step["pattern"]["String"], step["content"]


def token_bytes(token: str, spelt: Spelling) -> bytes:
    """The bytes of one token of the vocabulary (not of one that was added to it: those are written as they are)."""
    if spelt.letters:
        try:
            return bytes(map(_LETTERS.__getitem__, token))
        except KeyError:  # no spelling of bytes: as it is
            return token.encode("utf-8", "replace")
    if spelt.byte_tokens and (byte := _BYTE.fullmatch(token)):
        return bytes((int(byte[1], 16),))
    for written, meant in spelt.replaced:
        token = token.replace(written, meant)
    return token.encode("utf-8", "replace")


_BYTE = re.compile("<0x([0-9A-Fa-f]{2})>")


def _letters() -> dict[str, int]:
    """GPT-2's letter for each byte: itself where that prints, else one of those from U+0100 on, in order."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(256 + index): byte for index, byte in enumerate(others)}


_LETTERS = _letters()
BYTE_LETTERS: Mapping[int, str] = {byte: letter for letter, byte in _LETTERS.items()}
"""The letters that byte-level vocabularies spell bytes with."""
