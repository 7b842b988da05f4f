"""Rotary positions as GGUF files describe them."""

from typing import Any

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights import rope
from headrace.weights.checkpoint import Rope
from headrace.weights.fields import Fields
from headrace.weights.ggml_types import KINDS
from headrace.weights.gguf_rope import LONG, SHORT, gguf_rope
from headrace.weights.stored import StoredWeight, stored


def _read(values: dict[str, Any], tensors: dict[str, StoredWeight] | None = None) -> Rope:
    return gguf_rope(Fields({"context_length": 256, **values}, "llama."), 16, tensors or {})


def _factors(values: list[float]) -> StoredWeight:
    return stored(KINDS["F32"], (len(values),), np.asarray(values, np.float32).view(np.uint8), "f")


def test_the_base_is_the_file_s() -> None:
    assert np.allclose(_read({"rope.freq_base": 5e5}).frequencies, rope.plain(16, 5e5))


@pytest.mark.parametrize(
    "values", [{"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}, {"rope.scale_linear": 4.0}]
)
def test_linear_scaling_is_read_under_both_names(values: dict[str, Any]) -> None:
    assert np.allclose(_read(values).frequencies, rope.plain(16, 1e4) / 4)


def test_yarn_is_read() -> None:
    found = _read({"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 64})
    assert np.allclose(found.frequencies, rope.yarn(16, 1e4, 4.0, 64))
    assert found.scale == pytest.approx(1.138629436111989)


@pytest.mark.parametrize("name", ["rope_freqs.weight", "rope_factors_short.weight"])
def test_frequencies_are_divided_by_the_factors_of_a_tensor(name: str) -> None:
    found = _read({}, {name: _factors([1, 1, 1, 1, 2, 4, 8, 8])})
    assert np.allclose(found.frequencies, rope.plain(16, 1e4) / [1, 1, 1, 1, 2, 4, 8, 8])


def test_long_factors_are_in_place_of_the_short_ones() -> None:
    tensors = {SHORT: _factors([1.0] * 8), LONG: _factors([4.0] * 8), "rope_freqs.weight": _factors([2.0] * 8)}
    found = gguf_rope(Fields({"context_length": 256}, "phi3."), 16, tensors, factors=LONG)
    assert np.allclose(found.frequencies, rope.plain(16, 1e4) / 8)


def test_phi_sharpens_attention_as_the_file_says() -> None:
    assert _read({"rope.scaling.attn_factor": 1.25}).scale == 1.25


@pytest.mark.parametrize("values", [[1.0], [1.0] * 7 + [0.0], [1.0] * 7 + [float("nan")]])
def test_factors_that_cannot_divide_are_refused(values: list[float]) -> None:
    with pytest.raises(ModelInvalid, match=r"tensors\[rope_freqs.weight\]: must be 8 numbers above 0"):
        _read({}, {"rope_freqs.weight": _factors(values)})


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"rope.freq_base": 1.0}, "rope.freq_base: must be more than 1"),
        ({"rope.scaling.type": "ntk"}, "rope.scaling.type: must be none, linear, yarn or longrope"),
        ({"rope.scaling.factor": 1e9}, "rope.scaling.factor: must be from 1"),
        ({"rope.scaling.type": "yarn", "rope.scaling.yarn_beta_fast": 1e308}, "yarn_beta_fast: must be a number from"),
        ({"rope.scaling.factor": -1.0}, "rope.scaling.factor: must be a finite number of at least 0"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(values: dict[str, Any], match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        _read(values)
