"""How a sentence-transformers folder makes one vector of a text: modules.json and the files it names."""

from pathlib import Path
from typing import Any

import msgspec

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Pooling
from headrace.weights.fields import Fields, json_fields, read_json
from headrace.weights.hf_dense import DenseModule, dense_module

MODES: dict[str, Pooling] = {
    "cls_token": "cls",
    "max_tokens": "max",
    "mean_tokens": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt",
    "weightedmean_tokens": "weighted_mean",
    "lasttoken": "last",
}
"""In the order in which several are laid one after another, whatever the file's order is."""

NAMES: dict[str, Pooling] = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt",
    "weightedmean": "weighted_mean",
    "lasttoken": "last",
}
"""The same, as newer folders have them."""
UNLIMITED = 1 << 30
"""Tokenizers without a limit of their own say a very large number."""

MODULES = ("Transformer", "Pooling", "Dense", "Normalize")
EMBEDDING = "sentence_embedding"
"""What modules call a text's vector."""


class Sentence(msgspec.Struct, frozen=True):
    """What the folder says; all of it empty where it says nothing."""

    pooling: tuple[Pooling, ...] = ()
    dense: tuple[DenseModule, ...] = ()
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
    placed = [_module(module, f"modules.json: [{index}]", folder) for index, module in enumerate(modules)]
    kinds = [kind for kind, _ in placed]
    if kinds[:1] == ["Transformer"] and placed[0][1] != folder:
        raise ModelInvalid("must be empty: the model lies beside modules.json", "modules.json: [0].path")
    if kinds[:2] != ["Transformer", "Pooling"] or {*kinds[2:]} - {"Dense", "Normalize"}:
        raise ModelInvalid(f"must be Transformer, Pooling and then Dense and Normalize, is {kinds}", "modules.json")
    _, (_, pooling), *behind = placed
    dense: list[DenseModule] = []
    of_unit = False
    for kind, place in behind:
        fields = _about(place, folder)
        for key in ("module_input_name", "module_output_name"):
            if fields.text(key, EMBEDDING) != EMBEDDING:
                raise fields.fault(key, f"must be {EMBEDDING}")
        if kind == "Dense":
            dense.append(dense_module(place, fields, of_unit=of_unit))
        of_unit = kind == "Normalize"
    prompts = json_fields(folder / "config_sentence_transformers.json")
    if prompts.has("default_prompt_name"):
        raise prompts.fault("default_prompt_name", "is not supported: texts are embedded as they are given")
    return Sentence(_pooling(_about(pooling, folder)), tuple(dense), of_unit, max_length)


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


def _about(place: Path, folder: Path) -> Fields:
    path = place / "config.json"
    return json_fields(path, str(path.relative_to(folder)))


def _pooling(fields: Fields) -> tuple[Pooling, ...]:
    """Each way that is on: all in one field, in the order of its list, or each by a field of its own."""
    if fields.has("pooling_mode"):
        said = fields.values["pooling_mode"]
        modes = said if isinstance(said, list) else [said]
        ways = tuple(NAMES[mode] for mode in modes if isinstance(mode, str) and mode in NAMES)
        if not ways or len(set(ways)) != len(modes):
            raise fields.fault("pooling_mode", f"{said!r:.80} is not supported; read are {', '.join(NAMES)}, each once")
        return ways
    prefix = "pooling_mode_"
    chosen = [key for key, value in fields.values.items() if key.startswith(prefix) and value is True]
    if not chosen:
        raise ModelInvalid("a way of pooling must be chosen, none is", fields.name("pooling_mode"))
    for key in chosen:
        if key.removeprefix(prefix) not in MODES:
            raise fields.fault(key, f"is not supported; read are {', '.join(MODES)}")
    return tuple(way for mode, way in MODES.items() if prefix + mode in chosen)


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
