"""Tests of which files are models."""

from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.model_files import (
    RUNTIME_OF,
    RUNTIMES,
    check_runtime,
    choose,
    is_model_folder,
    name_of,
    suffix_of,
)


def make(folder: Path, *names: str) -> list[Path]:
    """Empty files; a name that ends in / is a folder."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.touch()
    return [folder / name.split("/")[0] for name in names]


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("model.onnx", ".onnx"),
        ("x.ONNX", ".onnx"),
        ("model.ort", ".ort"),
        ("x.xml", ".xml"),
        ("x.pb", ".pb"),
        ("x.tflite", ".tflite"),
        ("x.pdmodel", ".pdmodel"),
        ("model.json", ".json"),
        ("x.json", ""),
        ("x.fake", ".fake"),
        ("x.savedmodel/", ".savedmodel"),
        ("x.savedmodel", ""),
        ("x/saved_model.pb", ".savedmodel"),
        ("x.onnx/", ""),
        ("x.gguf", ".gguf"),
        ("x-00001-of-00002.gguf", ".gguf"),
        ("x-00002-of-00002.gguf", ""),
        ("x.fakellm", ".fakellm"),
        ("x.bin", ""),
        ("README.md", ""),
    ],
)
def test_a_model_is_known_by_its_suffix(tmp_path: Path, name: str, suffix: str) -> None:
    (path,) = make(tmp_path, name)
    assert suffix_of(path) == suffix


def test_a_json_file_with_paddle_s_weights_beside_it_is_a_model(tmp_path: Path) -> None:
    path, _ = make(tmp_path, "inference.json", "inference.pdiparams")
    assert suffix_of(path) == ".json"


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["config.json", "model.safetensors", "tokenizer.json"], "config.json with *.safetensors"),
        (["config.json", "model-00001-of-00002.safetensors"], "config.json with *.safetensors"),
        (["config.json", "pytorch_model.bin"], ""),
        (["openvino_model.xml", "openvino_model.bin", "tokenizer.json"], "openvino_model.xml with a tokenizer"),
        (["openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml"], "openvino_model.xml with a tokenizer"),
        (["openvino_model.xml", "openvino_model.bin"], ""),
        (["model.onnx", "tokenizer.json"], ""),
    ],
)
def test_a_language_models_folder_is_known_by_what_it_holds(tmp_path: Path, files: list[str], kind: str) -> None:
    make(tmp_path, *(f"x/{file}" for file in files))
    assert suffix_of(tmp_path / "x") == kind
    assert is_model_folder(tmp_path / "x") == bool(kind)
    assert not is_model_folder(tmp_path / "x", "onnx")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("SmolLM2-135M.Q4_1.gguf", "SmolLM2-135M.Q4_1"),
        ("big-00001-of-00003.gguf", "big"),
        ("Qwen2.5-0.5B/", "Qwen2.5-0.5B"),
        ("net.savedmodel/", "net"),
        ("net.onnx", "net"),
    ],
)
def test_a_bare_model_gives_itself_its_name(tmp_path: Path, path: str, name: str) -> None:
    (made,) = make(tmp_path, path)
    assert name_of(made) == name


@pytest.mark.parametrize(
    ("names", "runtime", "chosen"),
    [
        (["model.gguf", "draft.gguf"], None, "model.gguf"),
        (["x-00001-of-00002.gguf", "x-00002-of-00002.gguf"], None, "x-00001-of-00002.gguf"),
        (["README.md"], None, None),
        (["a.onnx", "labels.txt"], None, "a.onnx"),
        (["a.onnx", "model.onnx"], None, "model.onnx"),
        (["model.onnx", "model.xml"], "openvino", "model.xml"),
        (["model.onnx", "model.xml"], "onnx", "model.onnx"),
    ],
)
def test_the_one_model_of_a_folder_is_chosen(
    tmp_path: Path, names: list[str], runtime: str | None, chosen: str | None
) -> None:
    path = choose(make(tmp_path, *names), runtime)
    assert (path and path.name) == chosen


@pytest.mark.parametrize("names", [["a.onnx", "b.onnx"], ["model.onnx", "model.xml"]])
def test_several_models_are_refused_by_name(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(ModelInvalid, match=f"several models in one folder: {', '.join(names)}"):
        choose(make(tmp_path, *names), None)


def test_each_kind_of_file_is_read_by_the_runtime_that_it_gets_by_itself() -> None:
    assert all(suffix in RUNTIMES[runtime] for suffix, runtime in RUNTIME_OF.items())


def test_openvino_may_read_onnx_files(tmp_path: Path) -> None:
    check_runtime("openvino", tmp_path / "model.onnx", "model.toml: runtime")


def test_a_runtime_that_does_not_read_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"model.toml: runtime: runtime 'onnx' does not read m.xml; openvino does"):
        check_runtime("onnx", tmp_path / "m.xml", "model.toml: runtime")


def test_a_runtime_that_is_not_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"config.pbtxt: backend: 'tensorrt' is not offered here"):
        check_runtime("tensorrt", tmp_path / "m.onnx", "config.pbtxt: backend")


def test_a_backend_of_language_models_leads_to_their_own_files(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"'vllm' is not offered here; serve the language model's own files: config"):
        check_runtime("vllm", tmp_path / "model.json", "config.pbtxt: backend")
