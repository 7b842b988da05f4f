"""What a GGUF file says of text: the tokenizer's fields, the chat template, and which tokens begin and end."""

from collections.abc import Mapping
from typing import Any

import msgspec

from headrace.errors import ModelInvalid
from headrace.generation import GenerationDefaults
from headrace.weights.checkpoint import Templates, TokenizerSource
from headrace.weights.fields import Fields
from headrace.weights.recommended import GGUF, recommended

PREFIX = "tokenizer.ggml."
CONTROL = 3
"""The token type of what is never text."""

ENDINGS = (
    *("<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>"),
    *("<end_of_turn>", "<EOT>", "<|EOT|>"),
)
"""Tokens that end a turn by their name, where they are control tokens: files often name only one of two that a model
was trained to end with (llama.cpp ends at them too)."""


class Text(msgspec.Struct, frozen=True):
    """All that is known of a model's text, whatever the format."""

    tokenizer: TokenizerSource
    chat_templates: Templates
    bos_id: int | None
    eos_ids: tuple[int, ...]
    defaults: GenerationDefaults = GenerationDefaults()


def gguf_text(metadata: Mapping[str, Any], vocabulary: int) -> Text:
    """Raises ModelInvalid where the tokenizer is missing or has tokens that the model has not."""
    values = {key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)}
    fields = Fields(values, PREFIX)
    fields.text("model")
    tokens = _tokens(fields, vocabulary)
    last = vocabulary - 1
    keys = ("eos_token_id", "eot_token_id", "eom_token_id")
    told = [fields.integer(key, low=0, high=last) for key in keys if fields.has(key)]
    return Text(
        tokenizer=TokenizerSource(fields=values),
        chat_templates=_templates(metadata),
        bos_id=fields.integer("bos_token_id", low=0, high=last) if fields.has("bos_token_id") else None,
        eos_ids=tuple(dict.fromkeys([*told, *_endings(fields, tokens)])),
        defaults=recommended(Fields(metadata), GGUF),
    )


def _templates(metadata: Mapping[str, Any]) -> Templates:
    """Those that are not for all chats have their names behind the key."""
    fields, key = Fields(metadata), "tokenizer.chat_template"
    named = {"default": fields.text(key)} if fields.has(key) else {}
    others = [each for each in metadata if each.startswith(f"{key}.")]
    return Templates.of({each.removeprefix(f"{key}."): fields.text(each) for each in others} | named)


def _tokens(fields: Fields, vocabulary: int) -> list[str]:
    tokens = fields.items("tokens")
    if not tokens or not isinstance(tokens[0], str):
        raise fields.fault("tokens", "must be a list of texts")
    if len(tokens) > vocabulary:
        raise ModelInvalid(f"has {len(tokens)} tokens, the model {vocabulary}", fields.name("tokens"))
    return tokens


def _endings(fields: Fields, tokens: list[str]) -> list[int]:
    types = fields.values.get("token_type")
    if types is None:
        return []
    if getattr(types, "dtype", None) is None or len(types) != len(tokens):
        raise fields.fault("token_type", f"must be {len(tokens)} numbers, one a token")
    return [int(index) for index in (types == CONTROL).nonzero()[0] if tokens[index] in ENDINGS]
