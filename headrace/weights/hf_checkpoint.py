"""A Hugging Face folder (config.json, *.safetensors, tokenizer.json) -> a Checkpoint."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import msgspec

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import ENCODERS, Architecture, Checkpoint
from headrace.weights.digest import digest
from headrace.weights.fields import Fields, json_fields, read_whole
from headrace.weights.hf_architecture import Config, hf_architecture, hf_config, position_offset, with_labels
from headrace.weights.hf_dense import dense_tensors
from headrace.weights.hf_names import hf_name, hf_weights, ignored
from headrace.weights.hf_sentence import hf_sentence
from headrace.weights.hf_text import hf_text
from headrace.weights.safetensors import SafetensorsFile, read_safetensors
from headrace.weights.shapes import check_weights
from headrace.weights.stored import StoredWeight

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


def hf_checkpoint(folder: Path) -> Checkpoint:
    """Raises ModelInvalid with the file and the field at fault."""
    if not (folder / "config.json").exists():
        raise ModelInvalid("is missing beside the safetensors", "config.json")
    config = hf_config(json_fields(folder / "config.json"))
    sentence = hf_sentence(folder)
    facts = hf_architecture(config, embeds=bool(sentence.pooling))
    files = [read_safetensors(path, ignored) for path in _files(folder)]
    tensors = _joined(files, folder)
    own_name = partial(hf_name, facts=facts, names=tensors)
    weights = _placed(hf_weights(facts, tensors), facts, config, own_name)
    if facts.family in ENCODERS:
        facts = with_labels(facts, weights.get("classifier"))
    if not facts.labels:
        pooling = sentence.pooling or (("mean",) if facts.family in ENCODERS else ())
        facts = msgspec.structs.replace(facts, pooling=pooling)
    dense_layers = tuple(module.layer for module in sentence.dense)
    facts = msgspec.structs.replace(facts, dense=dense_layers, normalize=sentence.normalize)
    check_weights(facts, weights, own_name)
    dense = dense_tensors(sentence.dense, facts.hidden * len(facts.pooling))
    text = hf_text(folder, config.fields, config.top, facts.vocabulary, embeds=bool(sentence.pooling))
    headers = [*(file.header for file in files), *dense.headers]
    limit = sentence.max_length if facts.pooling or facts.labels else None
    return Checkpoint(
        source="safetensors",
        architecture=facts,
        weights={**weights, **dense.weights},
        tokenizer=text.tokenizer,
        chat_templates=text.chat_templates,
        bos_id=text.bos_id,
        eos_ids=text.eos_ids,
        max_input=min(limit or facts.max_context, facts.max_context),
        digest=digest([*_descriptions(folder), *(header.data for header in headers)], {**tensors, **dense.tensors}),
        defaults=text.defaults,
    )


def _files(folder: Path) -> list[Path]:
    """The files of weights, in order: those that an index names, or the only one."""
    index = folder / INDEX
    if not index.exists():
        single = folder / SINGLE
        found = [single] if single.exists() else sorted(folder.glob("*.safetensors"))
        if len(found) != 1:
            raise ModelInvalid(f"must be there, or {INDEX}; {len(found)} other .safetensors are", SINGLE)
        return found
    return [folder / name for name in sorted({name for _, name in _index(index)})]


def _index(path: Path) -> Iterator[tuple[str, str]]:
    """Each tensor and the file that has it; files lie beside the index."""
    fields = json_fields(path)
    where = fields.part("weight_map")
    if not where.values:
        raise fields.fault("weight_map", "must name the file of each tensor")
    for name in where.values:
        file = where.text(name)
        if "/" in file or "\\" in file or "\0" in file or not file.endswith(".safetensors"):
            raise where.fault(name[:200], f"must name a .safetensors file in this folder, is {file!r:.80}")
        yield name, file


def _joined(files: list[SafetensorsFile], folder: Path) -> dict[str, StoredWeight]:
    tensors: dict[str, StoredWeight] = {}
    for file in files:
        for name, tensor in file.tensors.items():
            if name in tensors:
                raise ModelInvalid("is in two files", name[:200])
            tensors[name] = tensor
    if (folder / INDEX).exists():
        for name, path in _index(folder / INDEX):
            if name not in tensors and not ignored(name):
                raise ModelInvalid(f"is said to be in {path}, and is not", f"{INDEX}: {name[:200]}")
    return tensors


def _placed(
    weights: dict[str, StoredWeight], facts: Architecture, config: Config, own_name: Callable[[str], str]
) -> dict[str, StoredWeight]:
    """With positions from the first that is used, and with no bias that the configuration does not know of."""
    begin = position_offset(config) if facts.family == "bert" else 0
    if begin and "positions" in weights:
        positions = weights["positions"]
        weights["positions"] = positions.cut(min(begin, positions.shape[0]), positions.shape[0])
    if facts.family != "bert":
        _check_biases(weights, facts, config.fields, own_name)
    return weights


def _check_biases(
    weights: Mapping[str, StoredWeight], facts: Architecture, fields: Fields, own_name: Callable[[str], str]
) -> None:
    attention, inner = fields.flag("attention_bias", False), fields.flag("mlp_bias", False)
    expected = {
        "q": attention,
        "k": attention,
        "v": attention,
        "o": attention,
        "gate": inner,
        "up": inner,
        "down": inner,
    }
    if facts.family == "qwen2":
        expected |= {"q": True, "k": True, "v": True, "o": False}
    whole: dict[str, bool] = {}
    if facts.family == "modernbert":
        norm = fields.flag("norm_bias", False)
        expected |= {"attention_norm": norm, "ffn_norm": norm}
        whole = {"embed_norm": norm, "norm": norm, "pooler": fields.flag("classifier_bias", False), "pooler_norm": norm}
    layers = {f"layers.{layer}.{name}": expected[name] for layer in range(facts.num_layers) for name in expected}
    for name, there in (whole | layers).items():
        bias = f"{name}_bias"
        if name in weights and (bias in weights) != there:
            raise ModelInvalid(f"must {'' if there else 'not '}be there, by the configuration", own_name(bias))


def _descriptions(folder: Path) -> Iterator[bytes]:
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.jinja"), *folder.glob("*/config.json")]):
        yield f"{path.relative_to(folder)}\n".encode() + read_whole(path)
