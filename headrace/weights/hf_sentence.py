"""How a sentence-transformers folder makes one vector of a text: modules.json and the files it names."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.errors import ModelInvalid
from headrace.weights.fields import Fields, json_fields, read_json

Pooling = Literal["mean", "cls", "last", ""]
MODES: dict[str, Pooling] = {"mean_tokens": "mean", "cls_token": "cls", "lasttoken": "last"}
UNLIMITED = 1 << 30
"""Tokenizers without a limit of their own say a very large number."""

MODULES = ("Transformer", "Pooling", "Normalize")


class Sentence(msgspec.Struct, frozen=True):
    """What the folder says; all of it empty where it says nothing."""

    pooling: Pooling = ""
    normalize: bool = False
    max_length: int | None = None


def hf_sentence(folder: Path) -> Sentence:
    """Raises ModelInvalid for a module or a way of pooling that is not supported."""
    max_length = _max_length(folder)
    if not (folder / "modules.json").exists():
        return Sentence(max_length=max_length)
    modules = read_json(folder / "modules.json")
    if not isinstance(modules, list):
        raise ModelInvalid("must be a list", "modules.json")
    pooling: Pooling = ""
    kinds = []
    for index, module in enumerate(modules):
        kind, place = _module(module, f"modules.json: [{index}]", folder)
        kinds.append(kind)
        if kind == "Transformer" and place != folder:
            raise ModelInvalid("must be empty: the model lies beside modules.json", f"modules.json: [{index}].path")
        if kind == "Pooling":
            path = place / "config.json"
            pooling = _pooling(json_fields(path, str(path.relative_to(folder))))
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ModelInvalid(f"must be Transformer, Pooling and perhaps Normalize, is {kinds}", "modules.json")
    prompts = json_fields(folder / "config_sentence_transformers.json")
    if prompts.has("default_prompt_name"):
        raise prompts.fault("default_prompt_name", "is not supported: texts are embedded as they are given")
    return Sentence(pooling, "Normalize" in kinds, max_length)


def _module(module: Any, where: str, folder: Path) -> tuple[str, Path]:
    """The kind of a module and its folder."""
    if not isinstance(module, dict):
        raise ModelInvalid("must be an object", where)
    fields = Fields(module, f"{where}.")
    kind = fields.text("type").rpartition(".")[2]
    if kind not in MODULES:
        raise fields.fault("type", f"{kind!r:.80} is not supported; read are {', '.join(MODULES)}")
    path = fields.text("path", "")
    if path in {".", ".."} or "/" in path or "\\" in path or "\0" in path:
        raise fields.fault("path", f"must be a name in this folder, is {path!r:.80}")
    return kind, folder / path


def _pooling(fields: Fields) -> Pooling:
    """The one way that is on; several would be laid one after another, which is not supported."""
    if fields.has("pooling_mode"):
        said = fields.values["pooling_mode"]
        modes: dict[str, Pooling] = {"mean": "mean", "cls": "cls", "lasttoken": "last"}
        mode = said[0] if isinstance(said, list) and len(said) == 1 else said
        if not isinstance(mode, str) or mode not in modes:
            raise fields.fault("pooling_mode", f"{said!r:.80} is not supported; read is one of {', '.join(modes)}")
        return modes[mode]
    prefix = "pooling_mode_"
    chosen = [key for key, value in fields.values.items() if key.startswith(prefix) and value is True]
    if len(chosen) != 1:
        raise ModelInvalid(f"one way of pooling must be chosen, {len(chosen)} are", fields.name("pooling_mode"))
    mode = chosen[0].removeprefix(prefix)
    if mode not in MODES:
        raise fields.fault(chosen[0], f"is not supported; read are {', '.join(MODES)}")
    return MODES[mode]


def _max_length(folder: Path) -> int | None:
    """`max_seq_length`, whatever the model's name in the file's name; else the tokenizer's limit."""
    for path in sorted(folder.glob("sentence_*_config.json")):
        fields = json_fields(path)
        if fields.flag("do_lower_case", False):
            raise fields.fault("do_lower_case", "is not supported: the tokenizer says what is made of letters")
        if fields.has("max_seq_length"):
            return fields.integer("max_seq_length")
    limit = json_fields(folder / "tokenizer_config.json").values.get("model_max_length")
    return limit if isinstance(limit, int) and 0 < limit < UNLIMITED else None
