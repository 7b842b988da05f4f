"""What llama.cpp's keys mean, family by family."""

from typing import Any

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Architecture
from headrace.weights.ggml_types import KINDS
from headrace.weights.gguf_architecture import gguf_architecture
from headrace.weights.gguf_rope import LONG, SHORT
from headrace.weights.rope import plain
from headrace.weights.stored import StoredWeight, stored
from tests.weights.models import CONTEXT, HEAD_DIM, gguf_metadata, gguf_tensors


def _tensors(family: str) -> dict[str, StoredWeight]:
    found = {}
    for name, values in gguf_tensors(family).items():
        assert isinstance(values, np.ndarray)
        found[name] = stored(KINDS["F32"], values.shape, np.frombuffer(values.tobytes(), np.uint8), name)
    return found


def _read(family: str, **changes: Any) -> Architecture:
    metadata = gguf_metadata(family, **changes)
    arrays = {key: np.array(value) for key, value in metadata.items() if isinstance(value, list)}
    return gguf_architecture(metadata | arrays, _tensors("llama" if family == "mamba" else family))


def _numbers(value: float) -> StoredWeight:
    half = HEAD_DIM // 2
    return stored(KINDS["F32"], (half,), np.full(half, value, np.float32).view(np.uint8), "factors")


def test_llama_is_plain() -> None:
    found = _read("llama")
    assert (found.num_layers, found.heads, found.kv_heads, found.head_dim) == (2, 4, 2, 8)
    assert found.tied
    assert not found.windows
    assert found.rope is not None
    assert np.allclose(found.rope.frequencies, plain(8, 10000.0))


def test_qwen3_norms_queries_and_keys() -> None:
    assert _read("qwen3").qk_norm


def test_gemma_scales_its_embeddings_and_has_no_more_norms() -> None:
    found = _read("gemma")
    assert (found.activation, found.embed_scale, found.post_norms) == ("gelu_tanh", 32**0.5, False)


def test_granite_scales_what_it_adds_and_answers() -> None:
    scales = {"embedding_scale": 12.0, "residual_scale": 0.22, "logit_scale": 8.0, "attention__scale": 0.0078125}
    found = _read("granite", **scales)
    assert (found.embed_scale, found.residual_scale, found.logit_scale) == (12.0, 0.22, 0.125)
    assert found.attention_scale == 0.0078125
    assert _read("granite").attention_scale is None
    with pytest.raises(ModelInvalid, match="_scale: is not supported"):
        _read("llama", **scales)


def test_smollm3_does_not_turn_each_fourth_layer() -> None:
    assert _read("smollm3", block_count=9).unturned == (3, 7)


def test_gemma2_has_windows_in_every_other_layer() -> None:
    found = _read("gemma2")
    assert found.windows == (8, 0)
    assert (found.attention_softcap, found.logit_softcap) == (50.0, 30.0)
    assert found.embed_scale == 32**0.5
    assert found.post_norms


def test_gemma3_has_windows_in_five_of_six_layers_and_two_rotations() -> None:
    found = _read("gemma3", rope__freq_base=1e6)
    assert found.windows == (8, 8)
    assert found.rope is not None
    assert found.local_rope is not None
    assert np.allclose(found.rope.frequencies, plain(8, 1e6))
    assert np.allclose(found.local_rope.frequencies, plain(8, 1e4))


def test_gemma3_s_windows_tell_of_rotations_also_where_they_are_longer_than_the_context() -> None:
    assert _read("gemma3", attention__sliding_window=4096, block_count=6).windows == (4096,) * 5 + (0,)


def test_gemma3_without_a_base_has_its_own() -> None:
    found = _read("gemma3")
    assert found.rope is not None
    assert np.allclose(found.rope.frequencies, plain(8, 1e6))


def test_windows_are_those_that_the_file_lists() -> None:
    assert _read("gemma3", attention__sliding_window_pattern=[False, True]).windows == (0, 8)


def test_the_largest_gemma_scales_attention_by_its_width() -> None:
    found = _read("gemma2", block_count=46)
    assert found.attention_scale == 8**-0.5
    assert found.attention_scale == (32 / 4) ** -0.5


def test_phi3_may_have_a_window_everywhere() -> None:
    assert _read("phi3", attention__sliding_window=16).windows == (16, 16)


def test_phi3_reaches_the_original_context_by_short_factors_and_the_whole_one_by_long_ones() -> None:
    metadata = gguf_metadata(
        "phi3",
        attention__sliding_window=CONTEXT // 2,
        rope__scaling__original_context_length=16,
        rope__scaling__attn_factor=1.25,
    )
    tensors = _tensors("phi3") | {SHORT: _numbers(1.5), LONG: _numbers(3.0)}
    found = gguf_architecture(metadata, tensors)
    assert found.rope is not None
    assert found.long_rope is not None
    assert (found.max_context, found.long_context) == (16, CONTEXT)
    assert np.allclose(found.rope.frequencies, 2 * np.array(found.long_rope.frequencies))
    assert found.rope.scale == found.long_rope.scale == 1.25
    assert found.windows == (CONTEXT // 2,) * 2  # which only the longer context is larger than


@pytest.mark.parametrize(("number", "pooling", "normalize"), [(0, (), False), (2, ("cls",), True), (4, (), False)])
def test_an_encoder_pools_as_the_file_says(number: int, pooling: tuple[str, ...], normalize: bool) -> None:
    found = _read("bert", pooling_type=number)
    assert (found.pooling, found.normalize) == (pooling, normalize)


def test_a_decoder_that_embeds_may_see_the_whole_text() -> None:
    found = _read("qwen2", pooling_type=3, attention__causal=False)
    assert (found.pooling, found.sees_all, found.generates) == (("last",), True, False)
    assert not _read("qwen2", pooling_type=3).sees_all
    assert _read("qwen2").generates


def test_a_key_of_no_effect_is_let_pass() -> None:
    assert _read("llama", expert_count=0, attention__clamp_kqv=0.0)


@pytest.mark.parametrize(
    ("family", "changes", "match"),
    [
        ("mamba", {}, "general.architecture: 'mamba' is not supported; read are llama, qwen2"),
        ("llama", {"expert_count": 8}, "llama.expert_count: mixtures of experts"),
        ("llama", {"attention__clamp_kqv": 8.0}, "llama.attention.clamp_kqv: is not supported"),
        ("llama", {"unheard_of": "x"}, "llama.unheard_of: is not supported"),
        ("llama", {"attention__sliding_window": 8}, "llama.attention.sliding_window: is not supported for llama"),
        ("llama", {"attention__value_length": 16}, "value_length: must be the key length, 8"),
        ("llama", {"attention__causal": False}, "causal: must be true for llama that continues texts"),
        ("llama", {"rope__dimension_count": 4}, "rope.dimension_count: 4 of 8 values is not supported"),
        ("llama", {"rope__scaling__type": "ntk"}, "llama.rope.scaling.type: must be none, linear, yarn"),
        ("llama", {"rope__scaling__type": np.array([-1, 1])}, "llama.rope.scaling.type: must be a text"),
        ("llama", {"block_count": None}, "llama.block_count: is missing"),
        ("llama", {"block_count": 1 << 40}, "llama.block_count: must be a whole number"),
        ("llama", {"attention__head_count": [4, 4]}, "attention.head_count: must be a whole number"),
        ("llama", {"attention__head_count_kv": 3}, "4 heads cannot share 3"),
        ("llama", {"vocab_size": 41}, "vocab_size: must be at most 40"),
        ("olmo2", {"attention__sliding_window": 8}, "attention.sliding_window: is not supported for olmo2"),
        ("qwen3", {"pooling_type": 4}, "pooling_type: 4 is not supported"),
        ("gemma3", {"attention__sliding_window_pattern": [True]}, "must be 2 truth values"),
        ("bert", {"attention__causal": True}, "causal: must be false for bert"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(family: str, changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        _read(family, **changes)
