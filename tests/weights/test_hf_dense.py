"""Dense modules of sentence-transformers folders: what they say, and the tensors in their own folders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Checkpoint, Dense
from headrace.weights.hf_checkpoint import hf_checkpoint
from tests.weights.files import safetensors_bytes
from tests.weights.models import config, dense, dense_arrays, sentence, write_dense, write_folder

TANH = dense(32, 16)


def _written(folder: Path, *behind: dict[str, Any] | None) -> Path:
    files = sentence("cls_token", behind=behind)
    return write_dense(write_folder(folder, config("bert"), **files), behind)


def _read(folder: Path, *behind: dict[str, Any] | None) -> Checkpoint:
    return hf_checkpoint(_written(folder, *behind))


def test_each_has_its_tensors_under_its_number(tmp_path: Path) -> None:
    second = dense(16, 8, bias=False)
    found = _read(tmp_path, TANH, None, second)
    for number, told in ((2, TANH), (4, second)):
        for name, values in dense_arrays(told, number).items():
            canonical = f"dense.{number // 2 - 1}{'_bias' if name.endswith('bias') else ''}"
            assert np.array_equal(found.weights[canonical].dense(), values)
    assert "dense.1_bias" not in found.weights
    assert found.architecture.dense == (Dense(16, "tanh"), Dense(8, "tanh", of_unit=True))


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("activation.Tanh", "tanh"),
        ("linear.Identity", "identity"),
        ("activation.ReLU", "relu"),
        ("activation.GELU", "gelu"),
    ],
)
def test_bends_are_named_by_torch_s_classes(tmp_path: Path, activation: str, expected: str) -> None:
    assert _read(tmp_path, dense(32, 4, activation)).architecture.dense[0].activation == expected


def test_it_bends_by_tanh_and_has_a_bias_where_nothing_is_said(tmp_path: Path) -> None:
    (_written(tmp_path, TANH) / "2_Dense" / "config.json").write_text('{"in_features": 32, "out_features": 16}')
    found = hf_checkpoint(tmp_path)
    assert found.architecture.dense == (Dense(16, "tanh"),)
    assert "dense.0_bias" in found.weights


def test_the_digest_follows_its_tensors(tmp_path: Path) -> None:
    first = _read(tmp_path, TANH).digest
    (tmp_path / "2_Dense" / "model.safetensors").write_bytes(safetensors_bytes(dense_arrays(TANH, 77)))
    assert hf_checkpoint(tmp_path).digest != first


@pytest.mark.parametrize(
    ("told", "match"),
    [
        (TANH | {"in_features": 64}, r"^2_Dense/config\.json: in_features: must be 32"),
        (TANH | {"out_features": 0}, r"^2_Dense/config\.json: out_features: must be a whole number"),
        (TANH | {"bias": 1}, r"^2_Dense/config\.json: bias: must be true or false"),
        (TANH | {"use_residual": True}, r"^2_Dense/config\.json: use_residual: is not supported"),
        (
            dense(32, 16, "activation.SiLU"),
            r"activation_function: 'torch.*SiLU' is not supported; read are torch's Tanh",
        ),
        (TANH | {"activation_function": "own.Tanh"}, r"^2_Dense/config\.json: activation_function: 'own.Tanh' is not"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(tmp_path: Path, told: dict[str, Any], match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        _read(tmp_path, told)


def test_the_second_must_fit_the_first(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"^3_Dense/config\.json: in_features: must be 16"):
        _read(tmp_path, TANH, TANH)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"linear.bias": None}, r"^2_Dense/model\.safetensors: linear\.bias: is missing"),
        ({"linear.bias": np.zeros(3, np.float32)}, r"linear\.bias: must have the shape \[16\], has \[3\]"),
        ({"residual.weight": np.zeros(3, np.float32)}, r"residual\.weight: is no tensor of it"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    tensors = dense_arrays(TANH, 2) | changes
    kept = {name: values for name, values in tensors.items() if values is not None}
    (_written(tmp_path, TANH) / "2_Dense" / "model.safetensors").write_bytes(safetensors_bytes(kept))
    with pytest.raises(ModelInvalid, match=match):
        hf_checkpoint(tmp_path)


def test_a_damaged_file_is_named_with_its_folder(tmp_path: Path) -> None:
    (_written(tmp_path, TANH) / "2_Dense" / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ModelInvalid, match=r"^2_Dense/model\.safetensors: is shorter than"):
        hf_checkpoint(tmp_path)


def test_pickles_are_refused_by_name(tmp_path: Path) -> None:
    (_written(tmp_path, TANH) / "2_Dense" / "model.safetensors").unlink()
    with pytest.raises(ModelInvalid, match=r"^2_Dense/model\.safetensors: is missing"):
        hf_checkpoint(tmp_path)
    (tmp_path / "2_Dense" / "pytorch_model.bin").touch()
    with pytest.raises(ModelInvalid, match=r"^2_Dense/pytorch_model\.bin: is a pickle, which is not read"):
        hf_checkpoint(tmp_path)
