"""How many bytes of a text one token covers at most, so that long texts are known to be long before they are cut.

Says nothing where any part of a text might be dropped on its way: by a normaliser that shortens, by a cut that removes
what it cuts at, or by a token that takes the white space around it. Bytes that have no token are dropped, and do not
count.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from headrace.llm.token_bytes import BYTE_LETTERS

Json = Mapping[str, Any]

_COMPOSED = 3  # NFC: three jamo of 3 bytes are one syllable of 3, and nothing shrinks more
_IN_TEXTS = [byte for byte in range(0xF5) if byte not in (0xC0, 0xC1)]  # UTF-8 has no others
_KEEPS_ALL = ("ByteLevel", "Metaspace", "Digits", "UnicodeScripts")


class Vocabulary(msgspec.Struct, frozen=True):
    """What of a tokenizer decides."""

    tokens: Sequence[str]  # of the model
    added: Sequence[str]  # found in the text as they are
    trims: bool  # whether one of those takes white space beside it
    letters: bool  # a letter of a token is a byte
    byte_tokens: bool  # what has no token is spelt in `<0x0A>`
    normalizer: Json | None
    pre_tokenizer: Json | None


class Covering(msgspec.Struct, frozen=True):
    """How tokens cover a text."""

    longest: int = 0  # bytes of a text that one covers at most; 0 where nothing is certain
    dropped: bytes = b""  # those without a token

    def least_tokens(self, text: str) -> int:
        """A number of tokens that the text is certain to have at least."""
        if not self.longest:
            return 0
        content = text.encode("utf-8", "surrogatepass")
        if self.dropped:
            content = content.translate(None, self.dropped)
        return -(-len(content) // self.longest)


def covering(of: Vocabulary) -> Covering:
    """What is certain of a vocabulary."""
    shrinks, dropped = _shrinks(of.normalizer), _dropped(of)
    if of.trims or not shrinks or not _keeps(of.pre_tokenizer) or dropped is None or (dropped and shrinks > 1):
        return Covering()
    lengths = map(len, of.tokens) if of.letters else _bytes(of.tokens)
    return Covering(shrinks * max((*lengths, *_bytes(of.added)), default=0), dropped)


def _bytes(tokens: Iterable[str]) -> Iterable[int]:
    return (len(token.encode("utf-8", "replace")) for token in tokens)


def _dropped(of: Vocabulary) -> bytes | None:
    """The bytes of texts that have no token; None: whole characters may have none."""
    known = set(of.tokens)
    if of.letters:
        return bytes(byte for byte in _IN_TEXTS if BYTE_LETTERS[byte] not in known)
    spelt = of.byte_tokens and known.issuperset(f"<0x{byte:02X}>" for byte in range(256))
    return b"" if spelt else None


def _shrinks(normalizer: Json | None) -> int:
    """By how much a text is shorter afterwards at most; 0: unknown."""
    if normalizer is None:
        return 1
    match normalizer.get("type"):
        case "Sequence":
            product = 1
            for step in normalizer["normalizers"]:
                product *= _shrinks(step)
            return product
        case "Prepend":
            return 1
        case "NFC":
            return _COMPOSED
        case "Replace":
            replaced = normalizer["pattern"].get("String")
            grows = replaced is not None and len(replaced.encode()) <= len(normalizer["content"].encode())
            return int(grows)
    return 0


def _keeps(pre_tokenizer: Json | None) -> bool:
    """Whether all of a text is left behind the cuts."""
    if pre_tokenizer is None:
        return True
    kind = pre_tokenizer.get("type")
    if kind == "Sequence":
        return all(_keeps(step) for step in pre_tokenizer["pretokenizers"])
    if kind in ("Split", "Punctuation"):
        return pre_tokenizer.get("behavior") != "Removed"
    return kind in _KEEPS_ALL
