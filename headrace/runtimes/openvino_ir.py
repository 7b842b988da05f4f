"""A language model exported to OpenVINO's own format: its folder -> a Checkpoint without weights, and the graph."""

import hashlib
from math import prod
from pathlib import Path

import openvino as ov

from headrace.errors import ModelInvalid
from headrace.runtimes.reasons import openvino_reason
from headrace.weights.checkpoint import Checkpoint
from headrace.weights.fields import json_fields
from headrace.weights.hf_architecture import hf_architecture, hf_config
from headrace.weights.hf_text import hf_text

GRAPH = "openvino_model.xml"
STATEFUL_INPUTS = {"input_ids", "attention_mask", "position_ids", "beam_idx"}


def is_ir(path: Path) -> bool:
    """Whether the folder holds a language model as optimum-intel exports it."""
    return (path / GRAPH).is_file()


def ir_checkpoint(folder: Path) -> Checkpoint:
    """What config.json and the tokenizer's files say. Raises ModelInvalid with the file and field at fault."""
    if not (folder / "config.json").exists():
        raise ModelInvalid(f"is missing beside {GRAPH}", "config.json")
    config = hf_config(json_fields(folder / "config.json"))
    facts = hf_architecture(config)
    text = hf_text(folder, config.fields, config.top, facts.vocabulary)
    return Checkpoint(
        source="openvino",
        architecture=facts,
        weights={},
        tokenizer=text.tokenizer,
        chat_template=text.chat_template,
        bos_id=text.bos_id,
        eos_ids=text.eos_ids,
        max_input=facts.max_context,
        digest=_digest(folder),
    )


def read_ir(core: ov.Core, folder: Path) -> ov.Model:
    """The graph. Raises ModelInvalid where it is not a stateful decoder, which alone can be paged."""
    if not (folder / GRAPH).with_suffix(".bin").exists():
        raise ModelInvalid(f"is missing beside {GRAPH}", Path(GRAPH).with_suffix(".bin").name)
    try:
        model = core.read_model(folder / GRAPH)
    except RuntimeError as error:
        raise ModelInvalid(openvino_reason(str(error)), GRAPH) from error
    names = {name for port in model.inputs for name in port.get_names()}
    if not model.get_sinks() or not names >= STATEFUL_INPUTS:
        raise ModelInvalid("is not a stateful decoder: export it as text-generation-with-past", GRAPH)
    return model


def num_weights(model: ov.Model) -> int:
    """Numbers in the matrices of a graph."""
    constants = [node for node in model.get_ops() if node.get_type_name() == "Constant"]
    return sum(prod(node.get_output_shape(0)) for node in constants if len(node.get_output_shape(0)) > 1)


def _digest(folder: Path) -> str:
    """Of the graph's text and the size of its weights: a name, not a proof."""
    size = (folder / GRAPH).with_suffix(".bin")
    content = (folder / GRAPH).read_bytes() + (str(size.stat().st_size).encode() if size.exists() else b"")
    return hashlib.sha256(content).hexdigest()[:40]
