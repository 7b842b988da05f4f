"""A folder as optimum-intel exports it is served as it is; what lacks is named."""

import json
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.errors import ModelInvalid
from headrace.graphs.decoder import build_decoder
from headrace.graphs.linear import Precision
from headrace.graphs.nodes import named_result, parameter
from headrace.runtimes.openvino_ir import GRAPH, cached_heads, ir_checkpoint, is_ir, read_ir
from headrace.runtimes.openvino_open import Choices, load_language
from tests.graphs.tiny import (
    CONTEXT,
    HEADS,
    HIDDEN,
    INNER,
    KV_HEADS,
    LAYERS,
    VOCABULARY,
    golden,
    golden_checkpoint,
    tokens,
)
from tests.runtimes.paging import step

TEXT = [int(token) for token in tokens(64)]
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "eos_token_id": 2,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ov.save_model(build_decoder(golden_checkpoint("llama"), Precision(), CONTEXT), tmp_path / GRAPH, False)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "tokenizer.json").write_text("{}")
    return tmp_path


def test_its_logits_are_those_of_the_graph_that_was_exported(folder: Path) -> None:
    found = load_language(folder, Choices(threads=2, precision="f32", kv_precision="f32"))
    found.model.allocate(4)
    logits = step(found.model, (TEXT, 0, [1, 2]), rows=range(64))
    assert np.abs(logits - golden("llama").logits).max() < 1e-3
    assert found.checkpoint.source == "openvino"
    assert found.checkpoint.eos_ids == (2,)
    assert found.parameters > LAYERS * HIDDEN * INNER * 3


def test_the_next_start_takes_the_paged_graph_from_the_cache_and_computes_the_same_bits(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = Choices(2, "f32", "f32", cache=tmp_path_factory.mktemp("cache"))
    logits = []
    for _ in range(2):
        model = load_language(folder, choices).model
        model.allocate(4)
        logits.append(step(model, (TEXT, 0, [1, 2]), rows=range(64)).copy())
        monkeypatch.setattr("headrace.runtimes.openvino_open.paged", None)  # not called again
    assert np.array_equal(logits[0], logits[1])


def test_what_a_graph_caches_of_a_token_is_read_from_it(folder: Path) -> None:
    assert cached_heads(read_ir(ov.Core(), folder)) == (KV_HEADS, HIDDEN // HEADS)
    x = parameter("x", [1])
    assert cached_heads(ov.Model([named_result("y", x)], [x], "stateless")) is None


def test_a_folder_without_the_graph_is_none(folder: Path) -> None:
    assert is_ir(folder)
    (folder / GRAPH).unlink()
    assert not is_ir(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_missing_description_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelInvalid) as refusal:
        ir_checkpoint(folder)
    assert refusal.value.where == name


def test_one_that_is_to_embed_is_refused_by_what_says_so(folder: Path) -> None:
    (folder / "modules.json").write_text("[]")
    with pytest.raises(ModelInvalid) as refusal:
        ir_checkpoint(folder)
    assert refusal.value.where == "modules.json"


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / GRAPH).with_suffix(".bin").unlink()
    with pytest.raises(ModelInvalid) as refusal:
        read_ir(ov.Core(), folder)
    assert refusal.value.where == "openvino_model.bin"


def test_a_graph_that_cannot_be_read_is_refused(folder: Path) -> None:
    (folder / GRAPH).write_text("<net")
    with pytest.raises(ModelInvalid) as refusal:
        read_ir(ov.Core(), folder)
    assert refusal.value.where == GRAPH


def test_a_graph_without_state_is_refused_with_what_to_do(folder: Path) -> None:
    x = parameter("input_ids", [-1, -1])
    ov.save_model(ov.Model([named_result("logits", op.convert(x, "f32"))], [x], "stateless"), folder / GRAPH)
    with pytest.raises(ModelInvalid, match="text-generation-with-past"):
        read_ir(ov.Core(), folder)


def test_other_weights_of_the_same_size_are_another_digest(folder: Path) -> None:
    before, weights = ir_checkpoint(folder).digest, (folder / GRAPH).with_suffix(".bin")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    assert ir_checkpoint(folder).digest != before


def test_another_graph_is_another_digest(folder: Path) -> None:
    before = ir_checkpoint(folder).digest
    (folder / GRAPH).write_text((folder / GRAPH).read_text() + "\n")
    assert ir_checkpoint(folder).digest != before
