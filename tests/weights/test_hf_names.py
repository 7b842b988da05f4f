"""Names and fusion of a Hugging Face folder's tensors."""

from pathlib import Path

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights.hf_checkpoint import hf_checkpoint
from headrace.weights.hf_names import ignored
from tests.weights.models import INNER, KEYS, QUERIES, config, hf_tensors, write_folder


def test_fused_tensors_are_cut(tmp_path: Path) -> None:
    tensors = hf_tensors(config("phi3"))
    weights = hf_checkpoint(write_folder(tmp_path, config("phi3"), tensors)).weights
    fused, both = (tensors[f"model.layers.1.{name}.weight"] for name in ("self_attn.qkv_proj", "mlp.gate_up_proj"))
    assert np.array_equal(weights["layers.1.q"].dense(), fused[:QUERIES])
    assert np.array_equal(weights["layers.1.k"].dense(), fused[QUERIES : QUERIES + KEYS])
    assert np.array_equal(weights["layers.1.v"].dense(), fused[QUERIES + KEYS :])
    assert np.array_equal(weights["layers.1.gate"].dense(), both[:INNER])
    assert np.array_equal(weights["layers.1.up"].dense(), both[INNER:])


@pytest.mark.parametrize("name", ["norm", "layers.0.self_attn.q_norm", "layers.1.post_attention_layernorm"])
def test_norms_of_gemma_get_their_one(tmp_path: Path, name: str) -> None:
    told = config("gemma3_text")
    weights = hf_checkpoint(write_folder(tmp_path, told)).weights
    canonical = name.replace("self_attn.", "").replace("attention_layernorm", "attention_norm")
    assert np.array_equal(weights[canonical].dense(), hf_tensors(told)[f"model.{name}.weight"] + np.float32(1))


def test_the_second_norm_of_llama_stands_before_its_feed_forward(tmp_path: Path) -> None:
    told = config("llama")
    weights = hf_checkpoint(write_folder(tmp_path, told)).weights
    expected = hf_tensors(told)["model.layers.0.post_attention_layernorm.weight"]
    assert np.array_equal(weights["layers.0.ffn_norm"].dense(), expected)


@pytest.mark.parametrize("prefix", ["", "language_model.model.", "model.language_model."])
def test_the_text_half_is_found_under_every_prefix(tmp_path: Path, prefix: str) -> None:
    told = config("gemma3_text")
    tensors = {name.replace("model.", prefix, 1): values for name, values in hf_tensors(told).items()}
    assert "layers.1.down" in hf_checkpoint(write_folder(tmp_path, told, tensors)).weights


def test_a_tied_head_is_left_out(tmp_path: Path) -> None:
    told = config("llama", tie_word_embeddings=True)
    tensors = hf_tensors(config("llama"))
    assert "head" not in hf_checkpoint(write_folder(tmp_path, told, tensors)).weights


def test_old_names_of_norms_are_known(tmp_path: Path) -> None:
    told = config("bert")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): values
        for name, values in hf_tensors(told).items()
    }
    assert "embed_norm_bias" in hf_checkpoint(write_folder(tmp_path, told, old)).weights


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.0.self_attn.rotary_emb.inv_freq",
        "embeddings.position_ids",
        "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight",
        "model.multi_modal_projector.weight",
        "cls.predictions.bias",
        "vocab_transform.weight",
        "vocab_projector.bias",
    ],
)
def test_what_no_answer_depends_on_is_ignored(name: str) -> None:
    assert ignored(name)


def test_a_tensor_that_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    tensors = hf_tensors(config("llama")) | {"model.layers.0.mlp.router.weight": np.zeros((2, 2), np.float32)}
    with pytest.raises(ModelInvalid, match=r"model\.layers\.0\.mlp\.router\.weight: is no tensor of llama"):
        hf_checkpoint(write_folder(tmp_path, config("llama"), tensors))
