"""A language model exported to OpenVINO's own format: its folder -> a Checkpoint without weights, and the graph."""

from math import prod
from pathlib import Path

import msgspec
import openvino as ov

from headrace.errors import ModelInvalid
from headrace.runtimes.reasons import openvino_reason
from headrace.weights.checkpoint import Checkpoint
from headrace.weights.digest import content_digest
from headrace.weights.fields import json_fields
from headrace.weights.hf_architecture import hf_architecture, hf_config
from headrace.weights.hf_text import hf_text
from headrace.weights.stored import map_file

GRAPH = "openvino_model.xml"

STATEFUL_INPUTS = {"input_ids", "attention_mask", "position_ids", "beam_idx"}


def is_ir(path: Path) -> bool:
    """Whether the folder holds a language model as optimum-intel exports it."""
    return (path / GRAPH).is_file()


def ir_checkpoint(folder: Path) -> Checkpoint:
    """What config.json and the tokenizer's files say. Raises ModelInvalid with the file and field at fault."""
    if not (folder / "config.json").exists():
        raise ModelInvalid(f"is missing beside {GRAPH}", "config.json")
    if (folder / "modules.json").exists():
        raise ModelInvalid(f"says how texts are embedded: for that *.safetensors are read, not {GRAPH}", "modules.json")
    config = hf_config(json_fields(folder / "config.json"))
    facts = msgspec.structs.replace(hf_architecture(config), long_rope=None, long_context=0)  # the graph has its own
    text = hf_text(folder, config.fields, config.top, facts.vocabulary)
    return Checkpoint(
        source="openvino",
        architecture=facts,
        weights={},
        tokenizer=text.tokenizer,
        chat_templates=text.chat_templates,
        bos_id=text.bos_id,
        eos_ids=text.eos_ids,
        max_input=facts.max_context,
        digest=_digest(folder),
        defaults=text.defaults,
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


def cached_heads(model: ov.Model) -> tuple[int, int] | None:
    """How many heads of what size are cached of a token; None where layers differ or the graph does not say.

    Of a graph that is yet to be paged.
    """
    shapes = [node.get_output_partial_shape(0) for node in model.get_ops() if node.get_type_name() == "ReadValue"]
    found = {(str(shape[1]), str(shape[3])) for shape in shapes if shape.rank.is_static and len(shape) == 4}
    if len(found) != 1 or shapes[0][1].is_dynamic or shapes[0][3].is_dynamic:
        return None
    return shapes[0][1].get_length(), shapes[0][3].get_length()


def _digest(folder: Path) -> str:
    """Of the graph's text and of its weights."""
    weights = (folder / GRAPH).with_suffix(".bin")
    there = weights.exists() and weights.stat().st_size > 0
    return content_digest([(folder / GRAPH).read_bytes()], [map_file(weights)] if there else [])
