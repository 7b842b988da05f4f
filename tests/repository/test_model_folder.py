"""Tests of reading one model's folder."""

import os
from pathlib import Path
from typing import Any

import pytest

from headrace.repository.model_folder import ModelVersions, read_model_file, read_model_folder
from headrace.repository.version_policy import All, Latest, Specific
from headrace.types import FREE, Batching, Manifest, Objective, TensorSpec


def read(folder: Path, files: dict[str, str], config: dict[str, Any] | None = None) -> ModelVersions:
    """What a folder with these files (path -> content; a path that ends in / is a folder) says of a model `m`."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_text(content)
    return read_model_folder("m", folder, config)


def only(found: ModelVersions) -> Manifest:
    assert found.broken == ()
    (manifest,) = found.manifests
    return manifest


def reasons(found: ModelVersions) -> dict[int | None, str]:
    assert all(status.state == "UNAVAILABLE" for status in found.broken)
    return {status.version: status.reason for status in found.broken}


def test_a_version_is_a_folder_named_by_its_number(tmp_path: Path) -> None:
    found = read(tmp_path, {"1/model.onnx": "", "v10/model.xml": "", "007/any.tflite": ""})
    assert [(m.version, m.path.name, m.runtime) for m in found.manifests] == [
        (1, "model.onnx", "onnx"),
        (7, "any.tflite", "openvino"),
        (10, "model.xml", "openvino"),
    ]
    assert found.broken == ()
    assert found.policy == Latest(1)


@pytest.mark.parametrize(
    ("files", "path"),
    [
        (["model.gguf"], "model.gguf"),
        (["1/any.Q4_K_M.gguf"], "1/any.Q4_K_M.gguf"),
        (["config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json", "onnx/model.onnx"], "."),
        (["1/config.json", "1/model.safetensors"], "1"),
        (["openvino_model.xml", "openvino_model.bin", "tokenizer.json"], "."),
    ],
)
def test_a_language_model_is_a_gguf_file_or_a_folder(tmp_path: Path, files: list[str], path: str) -> None:
    manifest = only(read(tmp_path, {**dict.fromkeys(files, ""), "model.toml": "llm.max_context = 512"}))
    assert (manifest.version, manifest.path, manifest.runtime) == (1, tmp_path / path, "llm")
    assert manifest.llm.max_context == 512
    assert manifest.provenance["llm.max_context"] == "model.toml"


def test_a_folder_of_several_kinds_is_read_by_the_runtime_that_is_asked_for(tmp_path: Path) -> None:
    files = {"openvino_model.xml": "", "tokenizer.json": "", "model.toml": 'runtime = "openvino"'}
    assert only(read(tmp_path, files)).path == tmp_path / "openvino_model.xml"


def test_what_a_language_model_cannot_honour_is_refused(tmp_path: Path) -> None:
    found = read(tmp_path, {"model.gguf": "", "model.toml": "instances = 2"})
    assert reasons(found) == {1: "model.toml: instances: a language model runs once; leave it out"}


def test_a_setting_of_language_models_is_refused_elsewhere(tmp_path: Path) -> None:
    found = read(tmp_path, {"model.onnx": "", "model.toml": "llm.precision = 'f32'"})
    assert reasons(found) == {1: "model.toml: llm.precision: is for language models, and this is none; leave it out"}


def test_a_model_without_version_folders_is_version_1(tmp_path: Path) -> None:
    manifest = only(read(tmp_path, {"model.onnx": ""}))
    assert (manifest.version, manifest.path, manifest.folder) == (1, tmp_path / "model.onnx", tmp_path)


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("1/model.savedmodel/saved_model.pb", "1/model.savedmodel"),
        ("1/saved_model.pb", "1"),
        ("saved_model.pb", "."),
        ("net.savedmodel/saved_model.pb", "net.savedmodel"),
    ],
)
def test_a_saved_model_is_a_folder(tmp_path: Path, file: str, path: str) -> None:
    manifest = only(read(tmp_path, {file: "", f"{Path(file).parent}/variables/": ""}))
    assert (manifest.version, manifest.path, manifest.runtime) == (1, tmp_path / path, "openvino")


def test_what_usually_lies_around_is_passed_over(tmp_path: Path) -> None:
    only(
        read(
            tmp_path,
            {"1/model.onnx": "", "README.md": "", "labels.txt": "", ".git/x": "", "__pycache__/x": "", "warmup/x": ""},
        )
    )


@pytest.mark.parametrize("stray", ["latest", "0", "-1", "1.0", "V2", "v", "99999999999999999999", "²"])
def test_a_folder_that_is_neither_version_nor_model_is_told_and_the_rest_serves(tmp_path: Path, stray: str) -> None:
    found = read(tmp_path, {"1/model.onnx": "", f"{stray}/model.onnx": ""})
    assert [manifest.version for manifest in found.manifests] == [1]
    assert reasons(found) == {None: f"{stray}/ is neither a version (a number from 1, as in 1/ or v1/) nor a model"}


def test_a_folder_of_data_beside_a_models_own_file_is_passed_over(tmp_path: Path) -> None:
    only(read(tmp_path, {"model.onnx": "", "weights/part.data": "", "assets/vocabulary/words.txt": ""}))


def test_a_folder_with_a_model_beside_a_models_own_file_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, {"model.onnx": "", "latest/model.onnx": ""})
    assert "latest/ is neither a version" in reasons(found)[None]


def test_a_version_that_is_there_twice_is_refused_and_the_rest_serves(tmp_path: Path) -> None:
    found = read(tmp_path, {"10/model.onnx": "", "v10/model.onnx": "", "2/model.onnx": ""})
    assert [manifest.version for manifest in found.manifests] == [2]
    assert reasons(found) == {10: "version 10 is there twice: in 10/ and v10/; leave one"}


def test_a_model_beside_its_own_version_1_is_refused(tmp_path: Path) -> None:
    found = read(tmp_path, {"1/model.onnx": "", "model.onnx": ""})
    assert reasons(found) == {1: "version 1 is there twice: in 1/ and the model's own folder; leave one"}


@pytest.mark.parametrize(
    ("files", "version", "reason"),
    [
        ({}, None, "holds no model: expected model.onnx, "),
        ({"README.md": ""}, None, "holds no model"),
        ({"1/": ""}, 1, "1/ holds no model: expected model.onnx, "),
        ({"model.pt": ""}, None, "in a version's folder such as 1/; model.pt is PyTorch's"),
        ({"1/clf.pkl": ""}, 1, "config.json with *.safetensors; clf.pkl is a pickle"),
        ({"1/a.onnx": "", "1/b.onnx": ""}, 1, "several models in one folder: a.onnx, b.onnx"),
        ({"1/model.onnx": "", "model.toml": "runtme = 1"}, 1, "model.toml: runtme: unknown key; did you mean"),
        ({"1/model.onnx": "", "1/model.toml": "runtme = 1"}, 1, "1/model.toml: runtme: unknown key"),
        ({"1/model.onnx": "", "1/model.toml": 'version_policy = "all"'}, 1, "1/model.toml: version_policy: belongs to"),
        ({"1/model.onnx": "", "config.pbtxt": "name: ["}, 1, "config.pbtxt: line 1, column 7: "),
        (
            {"1/model.onnx": "", "config.pbtxt": 'backend: "python"'},
            1,
            "config.pbtxt: backend: 'python' is not offered",
        ),
        (
            {"1/model.onnx": "", "config.pbtxt": 'platform: "pytorch_libtorch"'},
            1,
            "config.pbtxt: platform: 'pytorch_libtorch' is not offered",
        ),
        ({"1/model.xml": "", "model.toml": 'runtime = "onnx"'}, 1, "model.toml: runtime: runtime 'onnx' does not read"),
        ({"1/x.onnx": "", "config.pbtxt": 'default_model_filename: "y.onnx"'}, 1, "there is no 'y.onnx' in 1/"),
        (
            {"1/x.onnx": "", "x.onnx": "", "config.pbtxt": 'default_model_filename: "../x.onnx"'},
            1,
            "version 1 is there twice",
        ),
        ({"1/x.onnx": "", "config.pbtxt": 'default_model_filename: "../y"'}, 1, "leads out of the model's folder"),
        ({"1/x.bin": "", "config.pbtxt": 'default_model_filename: "x.bin"'}, 1, "x.bin has no known suffix"),
        ({"1/model.onnx": "", "model.toml/": ""}, 1, "model.toml cannot be read: Is a directory"),
    ],
)
def test_what_cannot_be_served_says_why(
    tmp_path: Path, files: dict[str, str], version: int | None, reason: str
) -> None:
    found = read(tmp_path, files)
    assert found.manifests == ()
    assert reason in reasons(found)[version]


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    found = read_model_folder("m", tmp_path / "lost")
    assert reasons(found) == {None: "lost cannot be read: No such file or directory"}


def test_a_link_to_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").symlink_to(tmp_path / "gone")
    assert reasons(read(tmp_path, {})) == {1: "model.onnx is a link to a file that is not there"}


@pytest.mark.parametrize("pipe", ["model.toml", "config.pbtxt", "1/model.onnx", "1/model.toml"])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(tmp_path: Path, pipe: str) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    for name in {"1/model.onnx"} - {pipe}:
        (tmp_path / "m" / name).touch()
    os.mkfifo(tmp_path / "m" / pipe)
    reasons = [each.reason for each in read_model_folder("m", tmp_path / "m").broken]
    assert reasons == [f"{Path(pipe).name} is a pipe, a socket or a device; put a file there"]


@pytest.mark.parametrize("file", ["model.toml", "config.pbtxt", "1/model.toml"])
def test_a_configuration_that_is_too_large_is_refused_by_its_name(tmp_path: Path, file: str) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    for name in ("1/model.onnx", file):
        (tmp_path / "m" / name).touch()
    os.truncate(tmp_path / "m" / file, 1 << 30)
    reasons = [each.reason for each in read_model_folder("m", tmp_path / "m").broken]
    assert reasons == [f"{file}: is larger than 1 MiB, too much for a configuration"]


def test_one_broken_version_leaves_the_others(tmp_path: Path) -> None:
    found = read(tmp_path, {"1/model.onnx": "", "2/": ""})
    assert [manifest.version for manifest in found.manifests] == [1]
    assert set(reasons(found)) == {2}


def test_the_file_to_load_may_be_named(tmp_path: Path) -> None:
    files = {"1/a.onnx": "", "1/b.onnx": "", "config.pbtxt": 'default_model_filename: "b.onnx"'}
    assert only(read(tmp_path, files)).path.name == "b.onnx"


def test_model_toml_goes_before_config_pbtxt_key_by_key(tmp_path: Path) -> None:
    manifest = only(
        read(
            tmp_path,
            {
                "1/model.onnx": "",
                "model.toml": 'runtime = "openvino"\nbatching = { max_delay_ms = 1 }',
                "config.pbtxt": 'backend: "tensorrt" max_batch_size: 4 instance_group { count: 2 }',
            },
        )
    )
    assert (manifest.runtime, manifest.instances) == ("openvino", 2)
    assert manifest.batching == Batching(enabled=True, max_size=4, max_delay_ms=1)
    assert manifest.provenance["runtime"] == "model.toml"
    assert manifest.provenance["instances"] == manifest.provenance["batching.max_size"] == "config.pbtxt"
    assert manifest.provenance["threads"] == "default"


def test_a_delay_that_the_model_s_policy_has_no_use_for_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, {"1/model.onnx": "", "model.toml": 'batching = { policy = "none", max_delay_ms = 5 }'})
    assert reasons(found)[1].startswith("model.toml: batching.max_delay_ms: has no effect")


def test_a_version_s_model_toml_goes_before_the_model_s(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "1/model.onnx": "",
            "2/model.onnx": "",
            "2/model.toml": "threads = 2",
            "model.toml": 'threads = 1\nversion_policy = "all"',
        },
    )
    assert [manifest.threads for manifest in found.manifests] == [1, 2]
    assert [manifest.provenance["threads"] for manifest in found.manifests] == ["model.toml", "2/model.toml"]
    assert found.policy == All()


def test_an_objective_holds_for_all_versions_and_a_version_may_have_its_own(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "1/model.onnx": "",
            "2/model.onnx": "",
            "2/model.toml": "objective = { p99_ms = 20 }",
            "model.toml": 'objective = { p99_ms = 50 }\nversion_policy = "all"',
        },
    )
    assert [manifest.objective for manifest in found.manifests] == [Objective(p99_ms=50), Objective(p99_ms=20)]


def test_a_version_that_the_policy_names_and_the_folder_lacks_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, {"1/model.onnx": "", "model.toml": "version_policy = [1, 3]"})
    assert [manifest.version for manifest in found.manifests] == [1]
    assert found.policy == Specific((1, 3))
    assert reasons(found) == {3: "version_policy asks for it, and the folder has only: 1"}


def test_a_version_that_labels_name_and_the_folder_lacks_is_told(tmp_path: Path) -> None:
    said = "version_policy = [1, 3]\nlabels = { stable = 9, canary = 3, old = 1, other = 9 }"
    found = read(tmp_path, {"1/model.onnx": "", "model.toml": said})
    assert reasons(found) == {
        3: "version_policy asks for it, label 'canary' is to lead to it, and the folder has only: 1",
        9: "label 'other' is to lead to it, label 'stable' is to lead to it, and the folder has only: 1",
    }


def test_a_requested_configuration_stands_in_for_config_pbtxt_and_wins(tmp_path: Path) -> None:
    files = {"1/model.onnx": "", "1/model.toml": "instances = 1", "config.pbtxt": "broken"}
    manifest = only(read(tmp_path, files, {"instance_group": [{"count": 3}], "max_batch_size": 2}))
    assert (manifest.instances, manifest.batching.max_size) == (3, 2)
    assert manifest.provenance["instances"] == "parameters.config"
    assert manifest.config["max_batch_size"] == 2


def test_a_requested_configuration_may_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    found = read(tmp_path, {"1/model.onnx": ""}, {"default_model_filename": "/etc/passwd"})
    assert "leads out of the model's folder" in reasons(found)[1]


def test_shapes_have_the_batch_axis(tmp_path: Path) -> None:
    config = 'max_batch_size: 4 input { name: "x" data_type: TYPE_FP32 dims: 3 }'
    manifest = only(read(tmp_path, {"1/model.onnx": "", "config.pbtxt": config}))
    assert manifest.inputs == (TensorSpec("x", "FP32", (FREE, 3)),)


def test_a_single_file_is_version_1_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").touch()
    manifest = only(read_model_file("net", tmp_path / "net.onnx"))
    assert (manifest.id.name, manifest.version, manifest.folder) == ("net", 1, tmp_path)


def test_a_configuration_beside_a_single_file_is_named_as_not_read(tmp_path: Path) -> None:
    for name in ("net.onnx", "model.toml"):
        (tmp_path / name).touch()
    manifest = only(read_model_file("net", tmp_path / "net.onnx"))
    assert manifest.warnings == ("model.toml beside net.onnx is not read: put both into a folder called net",)


def test_a_requested_configuration_counts_for_a_single_file_too(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").touch()
    assert only(read_model_file("net", tmp_path / "net.onnx", {"max_batch_size": 2})).batching.max_size == 2
    assert "name: says 'other'" in reasons(read_model_file("net", tmp_path / "net.onnx", {"name": "other"}))[1]


def test_a_folder_that_is_closed_to_the_server_is_named_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refused)
    (broken,) = read_model_folder("m", tmp_path / "m").broken
    assert broken.reason == "m cannot be read: Permission denied; let the server's user read it"
