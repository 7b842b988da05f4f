"""How byte-level BPE cuts text before it merges, by the name that a GGUF file gives it.

A GGUF file holds only a name (`tokenizer.ggml.pre`); what it stands for is agreed between llama.cpp's converter and its
src/llama-vocab.cpp. Here are those of the families that are served, in the words of tokenizer.json and, where the two
differ, as the model's own tokenizer.json has it. A name that is not here is refused: another cut gives other tokens,
and worse text, without any error.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

Json = Mapping[str, Any]


class PreTokenizer(msgspec.Struct, frozen=True):
    """What a name stands for."""

    steps: tuple[Json, ...]  # of tokenizer.json's `pre_tokenizer`
    ignore_merges: bool = False  # a whole word that is a token is taken as it is
    add_bos: bool = False  # where the file does not say
    nfc: bool = False  # text is composed first


def _split(*patterns: str) -> tuple[Json, ...]:
    """Cut by each pattern in turn, matches and what is between them, then bytes to letters."""
    cuts = (
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        for pattern in patterns
    )
    return (*cuts, _byte_level(use_regex=False))


def _byte_level(use_regex: bool) -> Json:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def _llama3(digits: str) -> str:
    """The pattern of Llama 3 and Qwen 2, which differ in how many digits stay together."""
    return (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits + r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


def _cased(digits: str, after: str) -> str:
    """The pattern that begins a new word at a capital letter, of Mistral's tekken and GPT-4o."""
    upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    begin = r"[^\r\n\p{L}\p{N}]?"
    return (
        f"{begin}{upper}*{lower}+{after}|{begin}{upper}+{lower}*{after}|{digits}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


_GPT2 = PreTokenizer((_byte_level(use_regex=True),))
_DIGITS_APART = PreTokenizer(({"type": "Digits", "individual_digits": True}, _byte_level(use_regex=True)))
_LLAMA3 = PreTokenizer(_split(_llama3(r"\p{N}{1,3}")), ignore_merges=True, add_bos=True)
_QWEN2 = PreTokenizer(_split(_llama3(r"\p{N}")), nfc=True)

PRE_TOKENIZERS: Mapping[str, PreTokenizer] = {
    "gpt-2": _GPT2,
    "phi-2": _GPT2,
    "olmo": _GPT2,
    "trillion": _GPT2,
    "smollm": _DIGITS_APART,
    "starcoder": _DIGITS_APART,
    "refact": _DIGITS_APART,
    "minerva-7b": _DIGITS_APART,
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "llama-bpe": _LLAMA3,
    "falcon3": _LLAMA3,
    "dbrx": PreTokenizer(_LLAMA3.steps),
    "smaug-bpe": PreTokenizer(_LLAMA3.steps),
    "qwen2": _QWEN2,
    "megrez": _QWEN2,
    "deepseek-r1-qwen": PreTokenizer(_QWEN2.steps),
    "tekken": PreTokenizer(_split(_cased(r"\p{N}", "")), ignore_merges=True, add_bos=True),
    "gpt-4o": PreTokenizer(_split(_cased(r"\p{N}{1,3}", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"))),
    "deepseek-coder": PreTokenizer(_split(r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[一-龥ࠀ-一가-퟿]+", r"\p{N}")),
    # What llama.cpp does where its converter did not know the model, and what such files were tried with.
    "default": PreTokenizer(
        _split(
            r"[\p{P}\$\+<=>\^~\|]+",
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
            r"\p{N}+",
            r"[0-9][0-9][0-9]",
        )
    ),
}
