"""A clone without its large files is told from a model."""

from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.pointers import check_fetched, is_pointer

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"


@pytest.mark.parametrize("name", ["model.onnx", "model.onnx_data", "model.onnx.data", "model.bin"])
def test_a_pointer_in_the_place_of_a_models_file_is_refused_with_what_fetches_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "model.onnx").write_bytes(b"a model")
    (tmp_path / name).write_bytes(POINTER)
    with pytest.raises(ModelInvalid, match=rf"^{name} is a Git LFS pointer .* git lfs pull$"):
        check_fetched(tmp_path / "model.onnx")


@pytest.mark.parametrize("name", ["model-00001-of-00002.safetensors", "tokenizer.json", "openvino_model.bin"])
def test_a_pointer_in_a_folder_that_is_a_model_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(POINTER)
    with pytest.raises(ModelInvalid, match=name):
        check_fetched(tmp_path)


def test_what_is_no_part_of_the_model_may_be_a_pointer(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"a model")
    for name in ("picture.png", "pytorch_model.bin", "consolidated.safetensors"):
        (tmp_path / name).write_bytes(POINTER)
    check_fetched(tmp_path / "model.onnx")
    check_fetched(tmp_path)


def test_a_long_file_and_one_that_is_not_there_are_no_pointers(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(POINTER + bytes(1024))
    assert not is_pointer(tmp_path / "long")
    assert not is_pointer(tmp_path / "gone")
