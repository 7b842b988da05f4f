"""Whole Hugging Face folders, sharded ones and damaged ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import ModelInvalid
from headrace.weights.hf_checkpoint import INDEX, hf_checkpoint
from tests.weights.files import safetensors_bytes
from tests.weights.models import DECODERS, ENCODERS, config, hf_tensors, write_folder
from tests.weights.modern import MODERN, modern_tensors

POOLING: dict[str, Any] = {
    "modules": [
        {"type": "sentence_transformers.models.Transformer", "path": ""},
        {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
        {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"},
    ],
    "1_Pooling/config": {"pooling_mode_cls_token": True},
    "sentence_bert_config": {"max_seq_length": 24},
}


@pytest.mark.parametrize("model_type", (*DECODERS, *ENCODERS))
def test_every_kind_of_model_is_read(tmp_path: Path, model_type: str) -> None:
    told = config(model_type)
    found = hf_checkpoint(write_folder(tmp_path, told))
    name = "embeddings.word_embeddings.weight" if model_type in ENCODERS else "model.embed_tokens.weight"
    assert np.array_equal(found.weights["embed"].dense(), hf_tensors(told)[name])
    assert found.max_input == found.architecture.max_context


@pytest.mark.parametrize(
    ("model_type", "types", "distances", "bend"),
    [("bert", True, 0, "tanh"), ("mpnet", False, 32, "tanh"), ("distilbert", False, 0, "relu")],
)
def test_kin_of_bert_are_told_apart(tmp_path: Path, model_type: str, types: bool, distances: int, bend: str) -> None:
    found = hf_checkpoint(write_folder(tmp_path, config(model_type))).architecture
    assert (found.types, found.distances, found.pooler_bend) == (types, distances, bend)


def test_types_of_a_model_that_has_none_are_refused(tmp_path: Path) -> None:
    told = config("mpnet")
    tensors = hf_tensors(told) | {"embeddings.token_type_embeddings.weight": np.zeros((2, 32), np.float32)}
    with pytest.raises(ModelInvalid, match=r"embeddings\.token_type_embeddings\.weight: is no tensor of bert"):
        hf_checkpoint(write_folder(tmp_path, told, tensors))


def test_an_encoder_alone_takes_the_mean(tmp_path: Path) -> None:
    assert hf_checkpoint(write_folder(tmp_path, config("bert"))).architecture.pooling == ("mean",)


def test_a_sentence_encoder_pools_and_ends_as_its_folder_says(tmp_path: Path) -> None:
    found = hf_checkpoint(write_folder(tmp_path, config("bert"), **POOLING))
    assert (found.architecture.pooling, found.architecture.normalize, found.max_input) == (("cls",), True, 24)


def test_a_decoder_may_embed_too(tmp_path: Path) -> None:
    files = POOLING | {"1_Pooling/config": {"pooling_mode_lasttoken": True}}
    found = hf_checkpoint(write_folder(tmp_path, config("qwen3"), **files)).architecture
    assert (found.pooling, found.generates, found.sees_all) == (("last",), False, False)
    assert hf_checkpoint(write_folder(tmp_path, config("qwen2", is_causal=False), **files)).architecture.sees_all


def test_gemma_sees_both_ways_in_windows_of_which_each_side_has_half(tmp_path: Path) -> None:
    kinds = ["sliding_attention", "full_attention"]
    told = config("gemma3_text", use_bidirectional_attention=True, sliding_window=512, layer_types=kinds)
    found = hf_checkpoint(write_folder(tmp_path / "embeds", told, **POOLING)).architecture
    assert (found.sees_all, found.windows) == (True, (257, 0))
    with pytest.raises(ModelInvalid, match=r"config\.json: use_bidirectional_attention: is not supported"):
        hf_checkpoint(write_folder(tmp_path / "continues", told))
    with pytest.raises(ModelInvalid, match=r"config\.json: use_bidirectional_attention: is not supported"):
        hf_checkpoint(write_folder(tmp_path / "other", config("qwen3", use_bidirectional_attention=True), **POOLING))


def test_one_that_embeds_needs_no_head(tmp_path: Path) -> None:
    told = config("mistral")
    tensors = {name: tensor for name, tensor in hf_tensors(told).items() if name != "lm_head.weight"}
    assert "head" not in hf_checkpoint(write_folder(tmp_path, told, tensors, **POOLING)).weights
    assert "head" in hf_checkpoint(write_folder(tmp_path, told, **POOLING)).weights


@pytest.mark.parametrize("model_type", ENCODERS)
def test_a_cross_encoder_has_labels_and_a_pooler(tmp_path: Path, model_type: str) -> None:
    found = hf_checkpoint(write_folder(tmp_path, config(model_type, architectures=["BertForSequenceClassification"])))
    assert (found.architecture.labels, found.architecture.pooling) == (3, ())
    assert found.weights["pooler"].shape == (32, 32)
    assert found.weights["classifier"].shape == (3, 32)


@pytest.mark.parametrize(("model_type", "changes"), [("roberta", {}), ("mpnet", {"pad_token_id": 7})])
def test_positions_begin_behind_the_padding(tmp_path: Path, model_type: str, changes: dict[str, Any]) -> None:
    told = config(model_type, **changes)
    found = hf_checkpoint(write_folder(tmp_path, told)).weights["positions"].dense()
    assert np.array_equal(found, hf_tensors(told)["embeddings.position_embeddings.weight"][2:])


def _sharded(folder: Path, **weight_map: str) -> Path:
    told = config("llama")
    write_folder(folder, told)
    (folder / "model.safetensors").unlink()
    tensors = list(hf_tensors(told).items())
    names = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    told_map: dict[str, str] = {}
    for name, part in zip(names, (tensors[:6], tensors[6:]), strict=True):
        (folder / name).write_bytes(safetensors_bytes(dict(part)))
        told_map |= {key: name for key, _ in part}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": told_map | weight_map}))
    return folder


def test_shards_are_one_model(tmp_path: Path) -> None:
    whole = hf_checkpoint(write_folder(tmp_path / "whole", config("llama"))).weights
    shards = hf_checkpoint(_sharded(tmp_path / "shards")).weights
    assert shards.keys() == whole.keys()
    assert all(np.array_equal(shards[name].dense(), whole[name].dense()) for name in whole)


@pytest.mark.parametrize(
    ("name", "file", "match"),
    [
        ("x", "model-00001-of-00002.safetensors", "x: is said to be in model-00001"),
        ("x", "model-00003-of-00003.safetensors", "model-00003-of-00003.safetensors: cannot be read: No such file"),
        ("x", "../a.safetensors", "must name a .safetensors file in this folder"),
        ("x", "a.bin", "must name a .safetensors file"),
    ],
)
def test_an_index_that_lies_is_refused(tmp_path: Path, name: str, file: str, match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        hf_checkpoint(_sharded(tmp_path, **{name: file}))


@pytest.mark.parametrize("told", [{}, {"weight_map": {}}])
def test_an_index_that_names_no_files_is_refused(tmp_path: Path, told: dict[str, Any]) -> None:
    (_sharded(tmp_path) / INDEX).write_text(json.dumps(told))
    with pytest.raises(ModelInvalid, match=r"model\.safetensors\.index\.json: weight_map: must name the file of each"):
        hf_checkpoint(tmp_path)


def test_a_tensor_in_two_shards_is_refused(tmp_path: Path) -> None:
    _sharded(tmp_path)
    extra = {"model.norm.weight": np.zeros(32, np.float32), "model.embed_tokens.weight": np.zeros((40, 32), np.float32)}
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(safetensors_bytes(extra))
    with pytest.raises(ModelInvalid, match="is in two files"):
        hf_checkpoint(tmp_path)


@pytest.mark.parametrize("model_type", (*DECODERS, *ENCODERS))
def test_a_missing_tensor_is_refused_by_the_file_s_own_name(tmp_path: Path, model_type: str) -> None:
    told = config(model_type)
    tensors = hf_tensors(told)
    for name in (name for name in tensors if name.endswith((".weight", "_proj.bias", "LayerNorm.bias"))):
        others = {other: values for other, values in tensors.items() if other != name}
        with pytest.raises(ModelInvalid) as refusal:
            hf_checkpoint(write_folder(tmp_path, told, others))
        assert refusal.value.where == name


@pytest.mark.parametrize(
    ("model_type", "name"),
    [("bert", "pooler.dense"), ("roberta", "classifier.dense"), ("distilbert", "pre_classifier")],
)
def test_a_missing_pooler_is_named_as_the_family_names_it(tmp_path: Path, model_type: str, name: str) -> None:
    told = config(model_type, architectures=["BertForSequenceClassification"])
    tensors = hf_tensors(told)
    del tensors[f"{name}.weight"]
    with pytest.raises(ModelInvalid) as refusal:
        hf_checkpoint(write_folder(tmp_path, told, tensors))
    assert refusal.value.where == f"{name}.weight"


@pytest.mark.parametrize("prefix", ["", "language_model.model.", "model.language_model."])
def test_a_missing_tensor_is_named_with_the_prefix_of_the_others(tmp_path: Path, prefix: str) -> None:
    told = config("gemma3_text")
    tensors = {name.replace("model.", prefix, 1): values for name, values in hf_tensors(told).items()}
    del tensors[f"{prefix}layers.1.mlp.down_proj.weight"]
    with pytest.raises(ModelInvalid) as refusal:
        hf_checkpoint(write_folder(tmp_path, told, tensors))
    assert refusal.value.where == f"{prefix}layers.1.mlp.down_proj.weight"


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (write_folder(tmp_path, config("llama")) / "model.safetensors").unlink()
    with pytest.raises(ModelInvalid, match=r"model\.safetensors: must be there"):
        hf_checkpoint(tmp_path)


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    (write_folder(tmp_path, config("llama")) / "config.json").unlink()
    with pytest.raises(ModelInvalid, match=r"config\.json: is missing"):
        hf_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"attention_bias": True}, r"model\.layers\.0\.self_attn\.q_proj\.bias: must be there"),
        ({"mlp_bias": True}, r"model\.layers\.0\.mlp\.gate_proj\.bias: must be there"),
    ],
)
def test_biases_that_the_configuration_promises_must_be_there(
    tmp_path: Path, changes: dict[str, Any], match: str
) -> None:
    with pytest.raises(ModelInvalid, match=match):
        hf_checkpoint(write_folder(tmp_path, config("llama", **changes)))


def test_a_bias_that_the_configuration_does_not_know_is_refused(tmp_path: Path) -> None:
    tensors = hf_tensors(config("llama")) | {"model.layers.1.self_attn.o_proj.bias": np.zeros(32, np.float32)}
    with pytest.raises(ModelInvalid, match=r"model\.layers\.1\.self_attn\.o_proj\.bias: must not be there"):
        hf_checkpoint(write_folder(tmp_path, config("llama"), tensors))


def test_the_digest_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    one = hf_checkpoint(write_folder(tmp_path / "a", config("llama"))).digest
    assert one == hf_checkpoint(write_folder(tmp_path / "b", config("llama"))).digest
    assert one != hf_checkpoint(write_folder(tmp_path / "c", config("llama", rms_norm_eps=1e-5))).digest


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(
    key=st.sampled_from(
        [
            *config("gemma3_text"),
            *("architectures", "layer_types", "rope_parameters", "rope_scaling", "rope_theta", "rms_norm_eps"),
            *("hidden_activation", "tie_word_embeddings", "attention_bias", "final_logit_softcapping"),
            "quantization_config",
        ]
    ),
    value=VALUES,
)
def test_any_value_of_any_field_is_read_or_refused_and_nothing_else(tmp_path: Path, key: str, value: object) -> None:
    told = config("gemma3_text")
    write_folder(tmp_path, told)
    (tmp_path / "config.json").write_text(json.dumps(told | {key: value}))
    try:
        hf_checkpoint(tmp_path)
    except ModelInvalid:
        pass


@pytest.mark.parametrize("name", MODERN)
def test_a_modernbert_folder_is_read_whole_and_what_it_lacks_is_named(tmp_path: Path, name: str) -> None:
    told, tensors = MODERN[name], modern_tensors(MODERN[name])
    found = hf_checkpoint(write_folder(tmp_path, told, tensors)).architecture
    assert (found.labels, found.pooling) == (told.get("num_labels", 0), (told.get("classifier_pooling", "mean"),))
    unneeded = ("classifier.weight",) if found.labels else ("head.", "decoder.")  # without it there are no labels
    for lost in (name for name in tensors if not name.startswith(unneeded)):
        others = {other: values for other, values in tensors.items() if other != lost}
        with pytest.raises(ModelInvalid) as refusal:
            hf_checkpoint(write_folder(tmp_path, told, others))
        assert refusal.value.where == lost


@pytest.mark.parametrize(
    ("flag", "where"),
    [
        ("norm_bias", "model.embeddings.norm.bias"),
        ("attention_bias", "model.layers.0.attn.Wqkv.bias"),
        ("mlp_bias", "model.layers.0.mlp.Wi.bias"),
        ("classifier_bias", "head.dense.bias"),
    ],
)
def test_a_bias_of_modernbert_is_there_where_its_flag_says_so_and_only_there(
    tmp_path: Path, flag: str, where: str
) -> None:
    bare = MODERN["cross_cls"]
    for there, said in ((bare, bare | {flag: True}), (bare | {flag: True}, bare)):
        with pytest.raises(ModelInvalid, match="be there, by the configuration") as refusal:
            hf_checkpoint(write_folder(tmp_path, said, modern_tensors(there)))
        assert refusal.value.where == where


def test_the_first_layer_of_modernbert_has_no_norm_before_its_attention(tmp_path: Path) -> None:
    told = MODERN["plain"]
    tensors = modern_tensors(told) | {"layers.0.attn_norm.weight": np.ones(32, np.float32)}
    with pytest.raises(ModelInvalid, match=r"layers\.0\.attn_norm\.weight: is no tensor of modernbert"):
        hf_checkpoint(write_folder(tmp_path, told, tensors))
