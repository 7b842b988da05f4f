"""Small tokenizers for tests, as the fields of a GGUF file."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Library
from tokenizers import models, pre_tokenizers, trainers

from headrace.llm.tokenizer import Tokenizer, load
from headrace.weights.checkpoint import TokenizerSource

TEXT = (
    "The model answers. The server starts; 1234 tokens, isn't it? naïve café 日本語 🙂\n\tif x:\n        return  x\n"
    * 3
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SENTENCEPIECE: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("tokenizers").joinpath("sentencepiece.json").read_text(encoding="utf-8")
)


def byte_level_fields(pre: str = "smollm", **more: Any) -> dict[str, Any]:
    """Byte-level BPE trained on a few lines; three control tokens come first, as in SmolLM2."""
    library = Library(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator([TEXT], trainer)
    vocabulary = library.get_vocab()
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    merges = json.loads(library.to_str())["model"]["merges"]
    return {
        "model": "gpt2",
        "pre": pre,
        "tokens": tokens,
        "token_type": [3 if token in SPECIAL else 1 for token in tokens],
        "merges": [" ".join(merge) for merge in merges],
        "bos_token_id": 1,
        "eos_token_id": 2,
        "add_bos_token": False,
    } | more


def sentencepiece_fields(name: str, **more: Any) -> dict[str, Any]:
    """`prefix` or `plain`: whether a space is put before the text."""
    fields = {key: value for key, value in SENTENCEPIECE[name].items() if key != "encoded"}
    return fields | {"model": "llama", "unknown_token_id": 0, "bos_token_id": 1, "eos_token_id": 2} | more


def word_piece_fields(tokens: list[str], **more: Any) -> dict[str, Any]:
    """WordPiece as llama.cpp writes it: `▁` before what begins a word, nothing before what continues one."""
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    spelt = [token if token in special else token[2:] if token.startswith("##") else f"▁{token}" for token in tokens]
    return {
        "model": "bert",
        "tokens": spelt,
        "token_type": [3 if token in special else 1 for token in tokens],
        "unknown_token_id": tokens.index("[UNK]"),
        "cls_token_id": tokens.index("[CLS]"),
        "seperator_token_id": tokens.index("[SEP]"),
    } | more


def made(fields: dict[str, Any]) -> Tokenizer:
    return load(TokenizerSource(fields=fields))
