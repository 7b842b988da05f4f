"""A GGUF file, or the parts that one was split into -> a Checkpoint."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Architecture, Checkpoint
from headrace.weights.digest import digest
from headrace.weights.fields import Fields
from headrace.weights.gguf import GgufFile, read_gguf
from headrace.weights.gguf_architecture import RANK, gguf_architecture
from headrace.weights.gguf_names import gguf_name, gguf_weights
from headrace.weights.gguf_text import gguf_text
from headrace.weights.shapes import check_weights
from headrace.weights.stored import StoredWeight

PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
"""How llama.cpp names the parts of a split file."""


def gguf_checkpoint(path: Path) -> Checkpoint:
    """`path` is a file, or any part of one. Raises ModelInvalid with the field at fault."""
    files = [read_gguf(part) for part in parts_of(path)]
    metadata, tensors = files[0].metadata, _joined(files)
    facts = gguf_architecture(metadata, tensors)
    weights = gguf_weights(facts, tensors)
    facts = _with_labels(facts, weights, metadata)
    check_weights(facts, weights, lambda name: f"tensors[{gguf_name(name, facts, tensors)}]")
    text = gguf_text(metadata, facts.vocabulary)
    return Checkpoint(
        source="gguf",
        architecture=facts,
        weights=weights,
        tokenizer=text.tokenizer,
        chat_templates=text.chat_templates,
        bos_id=text.bos_id,
        eos_ids=text.eos_ids,
        max_input=facts.max_context,
        digest=digest([file.header.data for file in files], tensors),
        defaults=text.defaults,
    )


def parts_of(path: Path) -> list[Path]:
    """All parts of the file that this is one of; a file that was not split is its only part."""
    match = PART.fullmatch(path.name)
    if match is None:
        return [path]
    stem, _, count = match.groups()
    if int(count) == 0:
        raise ModelInvalid("is part of 0", path.name)
    parts = [path.with_name(f"{stem}-{number:05}-of-{count}.gguf") for number in range(1, int(count) + 1)]
    for part in parts:
        if not part.exists():
            raise ModelInvalid(f"is missing: {path.name} is one of {int(count)} parts", part.name)
    return parts


def _joined(files: Sequence[GgufFile]) -> dict[str, StoredWeight]:
    """The tensors of all parts, which must be parts of one file, in order."""
    tensors: dict[str, StoredWeight] = {}
    for number, file in enumerate(files):
        fields = Fields(file.metadata)
        if fields.integer("split.count", 1, low=0) not in {len(files), 0}:
            raise fields.fault("split.count", f"must be {len(files)}, as the files are named")
        if fields.integer("split.no", 0, low=0) != number:
            raise fields.fault("split.no", f"must be {number}, as the file is named")
        for name, tensor in file.tensors.items():
            if name in tensors:
                raise ModelInvalid("is in two parts", f"tensors[{name}]")
            tensors[name] = tensor
    return tensors


def _with_labels(facts: Architecture, weights: Mapping[str, StoredWeight], metadata: Mapping[str, Any]) -> Architecture:
    """A cross-encoder's classifier says how many labels there are; it pools nothing."""
    if facts.family != "bert":
        return facts
    if "classifier" not in weights:
        if metadata.get("bert.pooling_type") == RANK:
            raise ModelInvalid("is missing, and the file calls itself a cross-encoder", "tensors[cls.output.weight]")
        return facts
    return msgspec.structs.replace(facts, labels=weights["classifier"].shape[0], pooling=(), normalize=False)
