"""A path to a model is recognised by what lies there."""

from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.weights.open import open_checkpoint
from tests.weights.models import config, write_folder, write_gguf


def test_a_gguf_file_is_opened(tmp_path: Path) -> None:
    assert open_checkpoint(write_gguf(tmp_path / "m.gguf", "llama")).source == "gguf"


def test_a_folder_with_one_gguf_file_is_opened(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", "llama")
    assert open_checkpoint(tmp_path).source == "gguf"


def test_a_hugging_face_folder_is_opened(tmp_path: Path) -> None:
    assert open_checkpoint(write_folder(tmp_path, config("llama"))).source == "safetensors"


def test_a_folder_of_two_models_is_refused(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        write_gguf(tmp_path / name, "llama")
    with pytest.raises(ModelInvalid, match=r"holds 2 models, must hold one: a\.gguf, b\.gguf"):
        open_checkpoint(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"holds no \.gguf file"):
        open_checkpoint(tmp_path)


def test_a_path_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"must be a \.gguf file or a folder"):
        open_checkpoint(tmp_path / "m.bin")
