"""What the fields of config.json mean, family by family."""

from typing import Any

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Architecture
from headrace.weights.fields import Fields
from headrace.weights.hf_architecture import hf_architecture, hf_config, position_offset
from headrace.weights.rope import plain
from tests.weights.models import DECODERS, config


def _read(model_type: str, **changes: Any) -> Architecture:
    return hf_architecture(hf_config(Fields(config(model_type, **changes), "config.json")))


@pytest.mark.parametrize("model_type", DECODERS)
def test_sizes_of_every_decoder_are_read(model_type: str) -> None:
    found = _read(model_type)
    assert (found.num_layers, found.hidden, found.heads, found.kv_heads, found.head_dim) == (2, 32, 4, 2, 8)
    assert (found.intermediate, found.vocabulary, found.max_context) == (48, 40, 64)


@pytest.mark.parametrize("model_type", DECODERS)
def test_only_some_families_are_tied_unless_the_file_says_otherwise(model_type: str) -> None:
    assert _read(model_type).tied == (model_type.startswith("gemma") or model_type == "smollm3")
    assert _read(model_type, tie_word_embeddings=True).tied


def test_a_head_s_size_follows_from_the_others() -> None:
    assert _read("llama", head_dim=None).head_dim == 8


def test_gemma_bends_by_a_tangent_whatever_its_first_files_say() -> None:
    found = _read("gemma", hidden_act="gelu", hidden_activation=None)
    assert (found.activation, found.embed_scale, found.post_norms) == ("gelu_tanh", 32**0.5, False)


def test_granite_scales_what_it_adds_and_answers() -> None:
    found = _read("granite", embedding_multiplier=12.0, residual_multiplier=0.22, logits_scaling=8.0)
    assert (found.embed_scale, found.residual_scale, found.logit_scale) == (12.0, 0.22, 0.125)
    assert _read("granite", attention_multiplier=0.0078125).attention_scale == 0.0078125


def test_smollm3_turns_not_every_layer() -> None:
    assert _read("smollm3", num_hidden_layers=9).unturned == (3, 7)
    assert _read("smollm3", no_rope_layers=[0, 1]).unturned == (0,)


def test_olmo2_has_its_norms_behind_and_one_for_all_heads() -> None:
    found = _read("olmo2", rope_theta=5e5, sliding_window=8)
    assert (found.pre_norms, found.post_norms, found.qk_norm, found.joint_qk_norm) == (False, True, True, True)
    assert (found.norm_eps, found.windows) == (1e-5, ())


def test_gemma2_caps_its_logits_and_windows_every_other_layer() -> None:
    found = _read("gemma2")
    assert (found.attention_softcap, found.logit_softcap) == (50.0, 30.0)
    assert found.windows == (8, 0)
    assert found.attention_scale == 0.25
    assert found.embed_scale == 32**0.5
    assert found.activation == "gelu_tanh"


def test_a_cap_that_is_null_is_none() -> None:
    assert _read("gemma2", attn_logit_softcapping=None).attention_softcap == 0.0


def test_gemma3_is_read_inside_a_model_of_images_too() -> None:
    inner = config("gemma3_text")
    told = {"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"], "text_config": inner}
    found = hf_architecture(hf_config(Fields(told, "config.json")))
    assert found == _read("gemma3_text")
    assert found.family == "gemma3"


def test_gemma3_s_windows_tell_of_rotations_also_where_they_are_longer_than_the_context() -> None:
    assert _read("gemma3_text", sliding_window=4096, layer_types=["sliding_attention", "full_attention"]).windows == (
        4096,
        0,
    )


def test_gemma3_rotates_windowed_layers_by_their_own_base() -> None:
    found = _read("gemma3_text", num_hidden_layers=7, rope_local_base_freq=100.0)
    assert found.windows == (8, 8, 8, 8, 8, 0, 8)
    assert found.local_rope is not None
    assert np.allclose(found.local_rope.frequencies, plain(8, 100.0))
    assert found.rope is not None
    assert np.allclose(found.rope.frequencies, plain(8, 1e6))


def test_gemma3_scales_only_the_layers_that_see_all() -> None:
    found = _read("gemma3_text", rope_scaling={"rope_type": "linear", "factor": 8.0})
    assert found.rope is not None
    assert found.local_rope is not None
    assert np.allclose(found.rope.frequencies, plain(8, 1e6) / 8)
    assert np.allclose(found.local_rope.frequencies, plain(8, 1e4))


def test_layers_have_windows_as_they_are_listed() -> None:
    kinds = ["full_attention", "sliding_attention"]
    assert _read("gemma3_text", layer_types=kinds).windows == (0, 8)


@pytest.mark.parametrize(("window", "windows"), [(8, (8, 8)), (None, ()), (64, ())])
def test_mistral_has_its_window_everywhere_or_nowhere(window: int | None, windows: tuple[int, ...]) -> None:
    assert _read("mistral", sliding_window=window).windows == windows


def test_qwen_has_windows_only_where_they_are_switched_on() -> None:
    told = {"sliding_window": 8, "max_window_layers": 1}
    assert _read("qwen2", **told).windows == ()
    assert _read("qwen2", use_sliding_window=True, **told).windows == (0, 8)


def test_phi3_may_rotate_a_part_of_each_head() -> None:
    found = _read("phi3", partial_rotary_factor=0.5)
    assert found.rope is not None
    assert len(found.rope.frequencies) == 2


def test_an_encoder_has_learned_positions() -> None:
    found = _read("bert")
    assert found.rope is None
    assert (found.activation, found.norm_eps, found.max_context) == ("gelu", 1e-12, 64)


def test_modernbert_turns_each_layer_by_its_kind_and_sees_to_both_sides() -> None:
    found = _read("modernbert", num_hidden_layers=4, local_attention=8, num_key_value_heads=None)
    assert (found.windows, found.norm_eps, found.activation) == ((0, 5, 5, 0), 1e-5, "gelu")
    assert found.rope is not None
    assert found.local_rope is not None
    assert np.allclose(found.rope.frequencies, plain(8, 160_000.0))
    assert np.allclose(found.local_rope.frequencies, plain(8, 10_000.0))
    assert not found.generates


def test_roberta_counts_positions_from_two() -> None:
    told = hf_config(Fields(config("roberta"), "config.json"))
    assert position_offset(told) == 2
    assert hf_architecture(told).max_context == 62


@pytest.mark.parametrize(
    ("model_type", "changes", "match"),
    [
        ("mixtral", {}, "config.json: model_type: 'mixtral' is not supported; read are llama, mistral"),
        ("llama", {"quantization_config": {"bits": 4}}, "quantization_config: quantised safetensors"),
        ("llama", {"architectures": ["LlamaForSequenceClassification"]}, "architectures: 'LlamaForSequence"),
        ("llama", {"architectures": [3]}, "architectures: 3"),
        ("llama", {"hidden_act": "relu"}, "hidden_act: 'relu' is not supported; read are silu"),
        ("llama", {"partial_rotary_factor": 0.5}, "partial_rotary_factor: must be 1 for llama"),
        ("llama", {"num_hidden_layers": None}, "num_hidden_layers: is missing"),
        ("llama", {"num_hidden_layers": 1 << 40}, "num_hidden_layers: must be a whole number from 1 to 1024"),
        ("llama", {"vocab_size": "40"}, "vocab_size: must be a whole number"),
        ("llama", {"num_key_value_heads": 3}, "4 heads cannot share 3"),
        ("smollm3", {"no_rope_layers": [1]}, "no_rope_layers: must be 2 times"),
        ("smollm3", {"no_rope_layers": [1, "x"]}, "no_rope_layers: must be 2 times"),
        ("granite", {"logits_scaling": 0}, "logits_scaling: must be more than 0"),
        ("gemma3_text", {"layer_types": ["full_attention"]}, "layer_types: must be 2 times"),
        ("gemma3_text", {"layer_types": ["full_attention", "chunked"]}, "layer_types: must be 2 times"),
        ("gemma3_text", {"use_bidirectional_attention": True}, "use_bidirectional_attention: is not supported"),
        ("qwen2", {"is_causal": False}, "is_causal: must be true for a model that continues texts"),
        ("gemma3", {"text_config": 3}, "text_config: must be an object"),
        ("bert", {"position_embedding_type": "relative_key"}, "position_embedding_type: must be absolute"),
        ("bert", {"is_decoder": True}, "is_decoder: is not supported"),
        ("bert", {"num_attention_heads": 5}, "5 heads do not divide 32"),
        ("distilbert", {"n_heads": 5}, "n_heads: 5 heads do not divide 32"),
        ("distilbert", {"dim": 0}, r"^config\.json: dim: must be"),
        ("distilbert", {"activation": "relu"}, "activation: 'relu' is not supported"),
        ("mpnet", {"relative_attention_num_buckets": 16}, "relative_attention_num_buckets: must be 32"),
        ("bert", {"architectures": ["BertForTokenClassification"]}, "architectures"),
        ("roberta", {"max_position_embeddings": 2}, "max_position_embeddings: must be more than 2"),
        ("modernbert", {"hidden_activation": "relu"}, "hidden_activation: 'relu' is not supported"),
        ("modernbert", {"classifier_activation": "silu"}, "classifier_activation: must be hidden_activation, 'gelu'"),
        ("modernbert", {"classifier_pooling": "max"}, "classifier_pooling: 'max' is not supported; read are cls, mean"),
        ("modernbert", {"layer_types": ["full_attention"]}, "layer_types: must be 2 times"),
        ("modernbert", {"global_attn_every_n_layers": 0}, "global_attn_every_n_layers: must be a whole number from 1"),
        ("modernbert", {"local_attention": 1}, "local_attention: must be a whole number from 2"),
        ("modernbert", {"local_rope_theta": 1.0}, "local_rope_theta: must be a finite number of at least 1"),
        ("modernbert", {"rope_theta": 1e4}, "rope_theta: is not supported for modernbert"),
        ("modernbert", {"rope_parameters": {"rope_theta": 1e4}}, "rope_parameters: must tell of full_attention"),
        ("modernbert", {"partial_rotary_factor": 0.5}, "partial_rotary_factor: must be 1 for modernbert"),
        ("modernbert", {"num_attention_heads": 5, "head_dim": None}, "5 heads do not divide 32"),
        ("modernbert", {"architectures": ["ModernBertForTokenClassification"]}, "architectures"),
        ("modernbert", {"is_decoder": True}, "is_decoder: is not supported"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(model_type: str, changes: dict[str, Any], match: str) -> None:
    changes = {"num_key_value_heads": None} | changes if model_type == "modernbert" else changes
    with pytest.raises(ModelInvalid, match=match):
        _read(model_type, **changes)
