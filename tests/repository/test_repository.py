"""Tests of the repository on a local path."""

import os
from pathlib import Path

import pytest

from headrace.errors import ModelNotFound, SettingInvalid
from headrace.repository.repository import Catalog, LocalRepository
from headrace.repository.version_policy import All, Latest


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    for name in ("a/1/model.onnx", "a/2/model.onnx", "b/model.xml", "net.onnx", "tf.savedmodel/saved_model.pb"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "a" / "model.toml").write_text('version_policy = "all"')
    return root


def versions(catalog: Catalog) -> list[str]:
    return [str(manifest.id) for manifest in catalog.manifests]


def test_every_model_in_the_folder_is_found(repo: Path) -> None:
    catalog = LocalRepository(repo).scan()
    assert versions(catalog) == ["a/1", "a/2", "b/1", "net/1", "tf/1"]
    assert catalog.broken == ()
    assert catalog.policy == {"a": All(), "b": Latest(1), "net": Latest(1), "tf": Latest(1)}


def test_what_is_no_model_is_passed_over(repo: Path) -> None:
    for name in ("README.md", "model.toml", ".hidden.onnx"):
        (repo / name).touch()
    for name in (".git", "__pycache__"):
        (repo / name).mkdir()
    assert versions(LocalRepository(repo).scan()) == ["a/1", "a/2", "b/1", "net/1", "tf/1"]


def test_a_broken_model_has_a_reason_and_the_others_are_found(repo: Path) -> None:
    (repo / "b" / "model.toml").write_text("typo = 1")
    catalog = LocalRepository(repo).scan()
    assert versions(catalog) == ["a/1", "a/2", "net/1", "tf/1"]
    assert [(status.name, status.version) for status in catalog.broken] == [("b", 1)]
    assert "model.toml: typo: unknown key" in catalog.broken[0].reason


def test_language_models_are_found_as_files_and_as_folders(repo: Path) -> None:
    for name in ("big-00001-of-00002.gguf", "big-00002-of-00002.gguf", "hf/config.json", "hf/model.safetensors"):
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).touch()
    catalog = LocalRepository(repo).scan()
    assert [(m.name, m.path.name) for m in catalog.manifests if m.runtime == "llm"] == [
        ("big", "big-00001-of-00002.gguf"),
        ("hf", "hf"),
    ]
    assert catalog.broken == ()


def test_the_path_may_be_a_language_model_s_folder(tmp_path: Path) -> None:
    folder = tmp_path / "Qwen2.5-0.5B"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).touch()
    (manifest,) = LocalRepository(folder).scan().manifests
    assert (manifest.name, manifest.path, manifest.runtime) == ("Qwen2.5-0.5B", folder, "llm")


def test_the_path_may_be_a_folder_of_one_models_versions(repo: Path) -> None:
    catalog = LocalRepository(repo / "a").scan()
    assert versions(catalog) == ["a/1", "a/2"]
    assert catalog.policy == {"a": All()}


def test_a_folder_with_models_beside_what_may_be_a_version_is_a_repository(repo: Path) -> None:
    (repo / "a" / "net.onnx").touch()
    assert versions(LocalRepository(repo / "a").scan()) == ["1/1", "2/1", "net/1"]


def test_two_entries_of_one_name_are_refused(repo: Path) -> None:
    (repo / "a.onnx").touch()
    catalog = LocalRepository(repo).scan()
    assert "a/1" not in versions(catalog)
    assert [(status.name, status.reason) for status in catalog.broken] == [
        ("a", "the name is there twice: a/ and a.onnx; rename one")
    ]


def test_a_name_that_is_no_text_is_told_and_the_rest_serves(repo: Path) -> None:
    folder = repo / os.fsdecode(b"bad\xff")
    folder.mkdir()
    (folder / "model.onnx").touch()
    catalog = LocalRepository(repo).scan()
    assert "a/1" in versions(catalog)
    assert [(status.name, status.reason) for status in catalog.broken] == [
        ("bad\\xff", "its name on disk is not UTF-8; rename it")
    ]


def test_an_empty_repository_has_nothing(tmp_path: Path) -> None:
    assert LocalRepository(tmp_path).scan() == Catalog((), (), {})


def test_a_single_file_is_a_repository_of_one(repo: Path) -> None:
    assert versions(LocalRepository(repo / "net.onnx").scan()) == ["net/1"]
    assert versions(LocalRepository(repo / "tf.savedmodel").scan()) == ["tf/1"]


@pytest.mark.parametrize("name", ["README.md", "absent", "absent.onnx"])
def test_a_path_that_is_neither_folder_nor_model_is_refused(repo: Path, name: str) -> None:
    (repo / "README.md").touch()
    with pytest.raises(SettingInvalid):
        LocalRepository(repo / name).scan()


def test_the_file_of_a_saved_model_is_refused_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(SettingInvalid, match="is a part of a SavedModel; give its folder"):
        LocalRepository(tmp_path / "saved_model.pb").scan()


def test_one_model_is_found_by_name(repo: Path) -> None:
    assert versions(LocalRepository(repo).find("a")) == ["a/1", "a/2"]
    assert versions(LocalRepository(repo).find("net")) == ["net/1"]


def test_what_was_added_since_is_found(repo: Path) -> None:
    repository = LocalRepository(repo)
    repository.scan()
    (repo / "a" / "3").mkdir()
    (repo / "a" / "3" / "model.onnx").touch()
    assert versions(repository.find("a")) == ["a/1", "a/2", "a/3"]


def test_a_configuration_may_come_with_the_name(repo: Path) -> None:
    catalog = LocalRepository(repo).find("a", {"max_batch_size": 8, "version_policy": {"latest": {"num_versions": 1}}})
    assert {manifest.batching.max_size for manifest in catalog.manifests} == {8}
    assert catalog.policy == {"a": Latest(1)}


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../outside", "a/1", "a/", "./a", "/etc", "a\0", "absent", ".git", "net.onnx", "x" * 5000]
)
def test_a_name_that_is_no_entry_is_not_found_wherever_it_leads(repo: Path, name: str) -> None:
    outside = repo.parent / "outside"
    outside.mkdir()
    (outside / "model.onnx").touch()
    (repo / ".git").mkdir()
    with pytest.raises(ModelNotFound):
        LocalRepository(repo).find(name)


def test_a_model_s_folder_may_be_a_link_to_elsewhere(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "model.onnx").touch()
    (repo / "linked").symlink_to(tmp_path / "store")
    assert versions(LocalRepository(repo).find("linked")) == ["linked/1"]


def test_a_link_to_nowhere_has_a_reason(repo: Path) -> None:
    (repo / "lost").symlink_to(repo / "nowhere")
    (status,) = LocalRepository(repo).scan().broken
    assert (status.name, status.reason) == ("lost", "lost cannot be read: No such file or directory")


def test_a_path_that_is_a_link_is_followed_anew_at_each_look(repo: Path, tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(repo)
    followed = LocalRepository(link)
    before = followed.snapshot()
    other = tmp_path / "other" / "a" / "1"
    other.mkdir(parents=True)
    (other / "model.onnx").write_bytes(b"x")
    link.unlink()
    link.symlink_to(tmp_path / "other")
    assert versions(followed.scan()) == ["a/1"]
    assert followed.snapshot()["a"] != before["a"]


def test_a_file_that_is_a_link_has_its_name_and_what_lies_beside_its_target(repo: Path, tmp_path: Path) -> None:
    (repo / "net.bin").touch()
    (tmp_path / "current").symlink_to(repo / "net.onnx")
    followed = LocalRepository(tmp_path / "current")
    (manifest,) = followed.scan().manifests
    assert (manifest.name, manifest.path) == ("current", (repo / "net.onnx").resolve())
    assert {Path(fact.path).name for fact in followed.facts(manifest)} == {"net.onnx", "net.bin"}


def test_below_a_link_a_version_is_made_of_its_own_files_alone(repo: Path, tmp_path: Path) -> None:
    (repo / "b" / "2").mkdir()
    (repo / "b" / "2" / "model.onnx").touch()
    (repo / "b" / "config.pbtxt").write_text('default_model_filename: "model.xml"')
    (tmp_path / "current").symlink_to(repo)
    followed = LocalRepository(tmp_path / "current")
    manifest = next(each for each in followed.find("b").manifests if each.version == 1)
    assert [Path(fact.path).name for fact in followed.facts(manifest)] == ["model.xml"]
