"""A GGUF file's tokenizer fields -> the tokenizer.json that says the same.

Three of llama.cpp's models: `gpt2` is byte-level BPE; `llama` is SentencePiece BPE, whose merges follow from the
scores, with bytes for what the vocabulary lacks; `bert` is WordPiece. No tokenizer is built here and nothing is read.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.errors import ModelInvalid
from headrace.llm.pre_tokenizers import PRE_TOKENIZERS
from headrace.llm.tokenizer_fields import Fields, Kind

Json = dict[str, Any]

SPACE = "▁"  # SentencePiece's, for a space
_FILLING = re.compile(r"\[PAD\d+\]")  # fills a vocabulary up to a round number; no text has it


def tokenizer_json(fields: Mapping[str, Any]) -> Json:
    """The tokenizer.json of a GGUF's fields (`tokenizer.ggml.*` without that prefix).

    Raises ModelInvalid, naming the field, for a kind of tokenizer that is not supported and for fields that
    contradict each other.
    """
    read = Fields(fields)
    model = read.text("model")
    makers = {"gpt2": _byte_level_bpe, "llama": _sentencepiece_bpe, "bert": _word_piece}
    if model not in makers:
        raise ModelInvalid(
            f"this kind of tokenizer is not supported: {model!r}, only {', '.join(sorted(makers))}",
            read.where("model"),
        )
    return {"version": "1.0", "truncation": None, "padding": None, **makers[model](read)}


def _byte_level_bpe(fields: Fields) -> Json:
    name = fields.text("pre", "")
    pre = PRE_TOKENIZERS.get(name)
    if pre is None:
        raise ModelInvalid(
            f"how text is cut before merging is not known: {name!r}, only {', '.join(sorted(PRE_TOKENIZERS))}",
            fields.where("pre"),
        )
    tokens = fields.tokens()
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "added_tokens": _added(fields, tokens),
        "normalizer": {"type": "NFC"} if pre.nfc else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [dict(step) for step in pre.steps]},
        "post_processor": _around(fields, tokens, add_bos=pre.add_bos),
        "decoder": byte_level,
        "model": _bpe(tokens, _given_merges(fields, tokens)) | {"ignore_merges": pre.ignore_merges},
    }


def _given_merges(fields: Fields, tokens: Sequence[str]) -> list[list[str]]:
    """The file's merges, best first; those that make no token are of no use and left out."""
    known = set(tokens)
    merges = []
    for index, merge in enumerate(fields.texts("merges")):
        left, space, right = merge.partition(" ")
        if not space or not left or not right:
            raise ModelInvalid(
                f"a merge is two pieces with a space between, not {merge[:80]!r}", fields.where(f"merges[{index}]")
            )
        if left in known and right in known and left + right in known:
            merges.append([left, right])
    return merges


def _sentencepiece_bpe(fields: Fields) -> Json:
    tokens = fields.tokens()
    for name in ("remove_extra_whitespaces", "precompiled_charsmap"):
        if fields.has(name) and fields.flag(name, bool(fields.size(name))):
            raise ModelInvalid("this way of normalising text is not supported", fields.where(name))
    prefix = fields.flag("add_space_prefix", True)
    kinds = fields.kinds(len(tokens))
    # A token of the user's own is found in the text before spaces are replaced.
    tokens = [
        token.replace(SPACE, " ") if kind == Kind.USER else token for token, kind in zip(tokens, kinds, strict=True)
    ]
    unknown = fields.token_id("unknown_token_id", len(tokens), 0)
    space = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    decoders: list[Json] = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if prefix:
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    prepend = [{"type": "Prepend", "prepend": SPACE}] if prefix else []
    return {
        "added_tokens": _added(fields, tokens),
        "normalizer": {"type": "Sequence", "normalizers": [*prepend, space]},
        "pre_tokenizer": None,
        "post_processor": _around(fields, tokens, add_bos=True),
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": _bpe(tokens, _merges_of_scores(tokens, fields.scores(len(tokens)), kinds))
        | {"unk_token": tokens[unknown], "fuse_unk": True, "byte_fallback": True},
    }


def _merges_of_scores(tokens: Sequence[str], scores: Sequence[float], kinds: Sequence[int]) -> list[list[str]]:
    """Every way in which two tokens make a third, the third's score deciding, best first.

    SentencePiece merges the pair whose whole has the highest score; BPE the pair that is first in its list. The order
    among pairs of one whole is that of Hugging Face's conversion (`generate_merges`), which gives the same tokens.
    """
    ids = {token: index for index, token in enumerate(tokens) if kinds[index] == Kind.NORMAL}
    ranked: list[tuple[float, int, int, int, str, str]] = []
    for token, index in ids.items():
        score = -scores[index]
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if (first := ids.get(left)) is not None and (second := ids.get(right)) is not None:
                ranked.append((score, cut, first, second, left, right))
    ranked.sort()
    return [[left, right] for *_, left, right in ranked]


def _word_piece(fields: Fields) -> Json:
    kinds = fields.kinds(len(fields.tokens()))
    # llama.cpp marks beginnings of words where BERT marks what continues them.
    tokens = [
        token if kind != Kind.NORMAL else token[1:] if token.startswith(SPACE) and token != SPACE else f"##{token}"
        for token, kind in zip(fields.tokens(), kinds, strict=True)
    ]
    unknown = fields.token_id("unknown_token_id", len(tokens), 100)
    cls = fields.token_id("cls_token_id" if fields.has("cls_token_id") else "bos_token_id", len(tokens), 101)
    sep = fields.token_id("seperator_token_id", len(tokens), 102)  # spelt so in the format
    lowercase = fields.flag("normalizer.lowercase", not _has_capitals(tokens, kinds))
    accents = fields.flag("normalizer.strip_accents", lowercase)
    return {
        "added_tokens": _added(fields, tokens),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": accents,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": _template(tokens, before=[cls], after=[sep], second_type=1, second_before=[]),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": tokens[unknown],
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": _vocabulary(tokens),
        },
    }


def _has_capitals(tokens: Sequence[str], kinds: Sequence[int]) -> bool:
    """Whether a vocabulary tells capital letters apart, so that text must keep them."""
    return any(
        token != token.lower() and not token.startswith("[")
        for token, kind in zip(tokens, kinds, strict=True)
        if kind == Kind.NORMAL and token.isascii()
    )


def _bpe(tokens: Sequence[str], merges: list[list[str]]) -> Json:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": _vocabulary(tokens),
        "merges": merges,
    }


def _vocabulary(tokens: Sequence[str]) -> dict[str, int]:
    """Of two tokens with one text the first counts; the other is never made."""
    ids: dict[str, int] = {}
    for index, token in enumerate(tokens):
        ids.setdefault(token, index)
    return ids


def _added(fields: Fields, tokens: Sequence[str]) -> list[Json]:
    """Tokens that are found whole in any text: control tokens, and those that whoever trained the model added."""
    kinds = fields.kinds(len(tokens))
    ids = _vocabulary(tokens)
    unknown = fields.token_id("unknown_token_id", len(tokens), 0)
    phi3 = "<|placeholder1|>" in ids  # its file does not say that these take the white space after them
    return [
        {
            "id": index,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": phi3 and token not in ("<unk>", "<s>", "<|endoftext|>"),
            "normalized": False,
            "special": kinds[index] != Kind.USER,
        }
        for token, index in ids.items()
        if token and _is_added(kinds[index], token, index == unknown)
    ]


def _is_added(kind: int, token: str, unknown: bool) -> bool:
    if kind == Kind.USER:
        return not _FILLING.fullmatch(token)
    return kind == Kind.CONTROL or (kind == Kind.UNKNOWN and unknown)


def _around(fields: Fields, tokens: Sequence[str], add_bos: bool) -> Json | None:
    """What stands before and after every text."""
    before = fields.token_ids("bos_token_id", len(tokens)) if fields.flag("add_bos_token", add_bos) else []
    after = fields.token_ids("eos_token_id", len(tokens)) if fields.flag("add_eos_token", False) else []
    if not before and not after:
        return None
    return _template(tokens, before, after, second_type=0, second_before=before)


def _template(
    tokens: Sequence[str], before: list[int], after: list[int], second_type: int, second_before: list[int]
) -> Json:
    """One text, or two of which the second has a type of its own, with special tokens around them."""

    def special(ids: list[int], kind: int) -> list[Json]:
        return [{"SpecialToken": {"id": tokens[index], "type_id": kind}} for index in ids]

    single = [*special(before, 0), {"Sequence": {"id": "A", "type_id": 0}}, *special(after, 0)]
    second = {"Sequence": {"id": "B", "type_id": second_type}}
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, *special(second_before, second_type), second, *special(after, second_type)],
        "special_tokens": {
            tokens[index]: {"id": tokens[index], "ids": [index], "tokens": [tokens[index]]}
            for index in {*before, *after}
        },
    }
