"""Rotary positions as config.json describes them; longer expectations are those of transformers 5.24."""

from typing import Any

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights import rope
from headrace.weights.fields import Fields
from headrace.weights.hf_rope import Positions, hf_rope

PLAIN = rope.plain(16, 10000.0)


def _read(max_context: int = 1024, layers: str = "", **values: Any) -> Positions:
    return hf_rope(Fields(values, "config.json"), 16, max_context, layers=layers)


def _frequencies(found: Positions) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(found.rope.frequencies)


def test_without_scaling_the_base_says_all() -> None:
    assert np.allclose(_frequencies(_read(rope_theta=5e5)), rope.plain(16, 5e5))


def test_linear_scaling_is_read_under_its_old_name() -> None:
    found = _read(rope_scaling={"type": "linear", "factor": 4.0})
    assert np.allclose(_frequencies(found), PLAIN / 4)


def test_parameters_are_read_under_their_new_name() -> None:
    found = _read(rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 100.0})
    assert np.allclose(_frequencies(found), rope.plain(16, 100.0) / 2)


def test_parameters_may_differ_by_kind_of_layer() -> None:
    told = {"full_attention": {"rope_theta": 1e6}, "sliding_attention": {"rope_theta": 1e4}}
    assert np.allclose(_frequencies(_read(rope_parameters=told, layers="full_attention")), rope.plain(16, 1e6))
    assert np.allclose(_frequencies(_read(rope_parameters=told, layers="sliding_attention")), PLAIN)


def test_llama3_scaling_is_read() -> None:
    told = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    found = _read(rope_scaling={**told, "original_max_position_embeddings": 64})
    assert np.allclose(_frequencies(found), rope.llama3(PLAIN, 8.0, 1.0, 4.0, 64))


def test_yarn_reaches_as_far_as_its_factor() -> None:
    found = _read(256, rope_scaling={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256})
    assert found.max_context == 1024
    assert np.allclose(_frequencies(found), rope.yarn(16, 10000.0, 4.0, 256))
    assert found.rope.scale == pytest.approx(1.138629436111989)


def test_yarn_scales_by_two_weights_where_it_has_them() -> None:
    told = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}
    found = _read(rope_scaling={**told, "mscale": 0.7, "mscale_all_dim": 1.0})
    assert found.rope.scale == pytest.approx(0.9634746568860826)


def test_dynamic_scaling_is_read_up_to_the_context_where_it_begins() -> None:
    found = _read(rope_scaling={"type": "dynamic", "factor": 4.0})
    assert found.max_context == 1024
    assert np.allclose(_frequencies(found), PLAIN)


def test_longrope_is_read_up_to_the_original_context() -> None:
    factors = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]
    told = {"type": "longrope", "short_factor": factors, "long_factor": [2.0] * 8}
    found = _read(rope_scaling=told, original_max_position_embeddings=128)
    assert found.max_context == 128
    assert np.allclose(_frequencies(found), PLAIN / factors)
    assert found.rope.scale == pytest.approx(1.1952286093343936)
    assert found.long_rope is not None
    assert found.long_context == 1024
    assert np.allclose(found.long_rope.frequencies, PLAIN / 2)
    assert found.long_rope.scale == found.rope.scale


def test_without_long_factors_there_is_no_more_than_the_original_context() -> None:
    told = {"type": "longrope", "short_factor": [1.0] * 8}
    assert _read(rope_scaling=told, original_max_position_embeddings=128).long_rope is None
    told |= {"long_factor": [2.0] * 8}
    assert _read(rope_scaling=told, original_max_position_embeddings=1024).long_rope is None


def test_a_part_of_each_head_may_rotate() -> None:
    assert np.allclose(_frequencies(_read(partial_rotary_factor=0.5)), rope.plain(8, 10000.0))


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"rope_scaling": {"type": "dynamic", "alpha": 2.0}}, r"rope_scaling\.factor: is missing"),
        ({"rope_parameters": {"rope_type": "new"}}, r"rope_parameters\.rope_type: 'new' is not supported"),
        ({"rope_scaling": {"type": "linear"}}, r"rope_scaling\.factor: is missing"),
        ({"rope_scaling": {"type": "linear", "factor": 0.5}}, r"factor: must be from 1"),
        (
            {"rope_scaling": {"type": "yarn", "factor": 2.0, "beta_fast": 1e308}},
            r"beta_fast: must be a number from 1e-06",
        ),
        ({"rope_scaling": {"type": "yarn", "factor": 2.0, "beta_slow": 1e-320}}, r"beta_slow: must be a number from"),
        ({"rope_scaling": {"type": "longrope", "short_factor": [1.0]}}, "original_max_position_embeddings: is missing"),
        (
            {"original_max_position_embeddings": 8, "rope_scaling": {"type": "su", "short_factor": [1.0]}},
            "short_factor: must be 8 numbers",
        ),
        (
            {
                "original_max_position_embeddings": 8,
                "rope_scaling": {"type": "su", "short_factor": [1.0] * 8, "long_factor": [1.0] * 7 + [0.0]},
            },
            "long_factor: must be 8 numbers above 0",
        ),
        ({"rope_scaling": "linear"}, "rope_scaling: must be an object"),
        ({"rope_theta": 0.5}, "rope_theta: must be more than 1"),
        ({"partial_rotary_factor": 0.1}, "partial_rotary_factor: 0.1 of 16"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(values: dict[str, Any], match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        _read(**values)
