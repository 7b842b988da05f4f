"""What a Hugging Face folder says of text: its tokenizer.json, the chat template, which tokens begin and end, and how
tokens are best chosen."""

from pathlib import Path
from typing import Any

import msgspec

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Templates, TokenizerSource
from headrace.weights.fields import Fields, check_size, json_fields, read_whole
from headrace.weights.gguf_text import Text
from headrace.weights.recommended import HF, recommended

LARGEST_TEMPLATE = 1 << 20
ADDITIONAL = "additional_chat_templates"
"""The folder of templates beside chat_template.jinja, each in a file that has its name."""


class _AddedToken(msgspec.Struct):
    content: str
    id: int


class _Tokenizer(msgspec.Struct):
    """What is read of a tokenizer.json here; the rest is passed over."""

    added_tokens: list[_AddedToken] = []


def hf_text(folder: Path, config: Fields, top: Fields, vocabulary: int, *, embeds: bool = False) -> Text:
    """`embeds`: texts are read whole, to the token that is to end them.

    Raises ModelInvalid where the tokenizer is missing, or a token is none of the model's.
    """
    source = folder / "tokenizer.json"
    if not source.exists():
        raise ModelInvalid("is missing: a model needs its tokenizer", source.name)
    check_size(source, source.name)  # whoever reads it, reads it whole
    about = json_fields(folder / "tokenizer_config.json")
    generation = json_fields(folder / "generation_config.json")
    begins = [token for fields in (top, config, generation) for token in _ids(fields, "bos_token_id", vocabulary)]
    ends = [token for fields in (top, config, generation) for token in _ids(fields, "eos_token_id", vocabulary)]
    named = _named_token(source, about, vocabulary)
    return Text(
        tokenizer=TokenizerSource(json=source, ending=_ending(about) if embeds else ""),
        chat_templates=_templates(folder, about),
        bos_id=begins[0] if begins else None,
        eos_ids=tuple(dict.fromkeys([*ends, *named])),
        defaults=recommended(generation, HF),
    )


def _ids(fields: Fields, key: str, vocabulary: int) -> list[int]:
    """One token or a list of them."""
    value = fields.values.get(key)
    tokens = value if isinstance(value, list) else [] if value is None else [value]
    for token in tokens:
        if isinstance(token, bool) or not isinstance(token, int) or not 0 <= token < vocabulary:
            raise fields.fault(key, f"must be tokens from 0 to {vocabulary - 1}, is {token!r:.80}")
    return tokens


def _named_token(source: Path, about: Fields, vocabulary: int) -> list[int]:
    """The id of the tokenizer's own `eos_token`: chat models often end with another than the base model's."""
    name = _eos_token(about)
    if name is None:
        return []
    try:
        tokens = msgspec.json.decode(read_whole(source), type=_Tokenizer).added_tokens
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ModelInvalid(f"cannot be read: {error}", source.name) from error
    return [token.id for token in tokens if token.content == name and 0 <= token.id < vocabulary]


def _eos_token(about: Fields) -> str | None:
    name = about.values.get("eos_token")
    if isinstance(name, dict):
        name = name.get("content")
    return name if isinstance(name, str) else None


def _ending(about: Fields) -> str:
    """The token that tokenizer_config.json has put behind every text: of e5-mistral it is not in tokenizer.json."""
    if not about.has("add_eos_token") or not about.flag("add_eos_token"):
        return ""
    name = _eos_token(about)
    if not name:
        raise about.fault("eos_token", "is missing, and add_eos_token wants it behind every text")
    return name


def _templates(folder: Path, about: Fields) -> Templates:
    """From chat_template.jinja and the files beside it, else chat_template.json, else tokenizer_config.json."""
    path = folder / "chat_template.jinja"
    if path.exists():
        others = {other.stem: _read(other) for other in sorted((folder / ADDITIONAL).glob("*.jinja"))}
        return Templates.of({**others, "default": _read(path)})
    other = json_fields(folder / "chat_template.json")
    fields = other if other.has("chat_template") else about
    found: Any = fields.values.get("chat_template")
    if found is None or isinstance(found, str):
        return Templates(found or None)
    if not isinstance(found, list) or not all(map(_is_named, found)):
        raise fields.fault("chat_template", "must be a text, or a list of them with names")
    return Templates.of({each["name"]: each["template"] for each in found})


def _is_named(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("name", "template"))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_TEMPLATE:
            raise ModelInvalid(f"has more than {LARGEST_TEMPLATE} bytes", path.name)
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelInvalid(f"cannot be read: {error}", path.name) from error
