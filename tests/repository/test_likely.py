"""Which runtimes a repository will need, by the names of its files."""

from pathlib import Path

import pytest

from headrace.repository.likely import likely_runtimes


def made(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_file_needs_its_own(tmp_path: Path) -> None:
    assert likely_runtimes(made(tmp_path, "small.gguf") / "small.gguf") == ["llm"]


def test_models_lie_bare_in_folders_and_in_versions(tmp_path: Path) -> None:
    made(tmp_path, "a.onnx", "b/model.xml", "c/1/model.gguf", "d/2/config.json", "d/2/model.safetensors", "e/1/x.fake")
    assert sorted(likely_runtimes(tmp_path)) == ["fake", "llm", "onnx", "openvino"]


@pytest.mark.parametrize("files", [(), ("notes.txt",), ("a/1/notes.txt",), ("a/1/x.onnx", "a/1/y.onnx")])
def test_what_is_no_model_or_not_known_needs_none(tmp_path: Path, files: tuple[str, ...]) -> None:
    assert likely_runtimes(made(tmp_path, *files)) == []


def test_a_folder_that_is_not_there_needs_none(tmp_path: Path) -> None:
    assert likely_runtimes(tmp_path / "gone") == []
