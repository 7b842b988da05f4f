"""What the disk says of files without reading them."""

import os
import shutil
from pathlib import Path

import pytest

from headrace.repository.file_facts import being_written, facts_of, facts_with_folders


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "1"
    (folder / "data").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"abc")
    (folder / "data" / "weights").write_bytes(b"def")
    return folder


def test_every_file_below_is_known_and_what_is_hidden_is_not(model: Path) -> None:
    (model / ".partial").touch()
    (model / "__pycache__").mkdir()
    (model / "__pycache__" / "x.pyc").touch()
    assert [Path(fact.path).name for fact in facts_of([model])] == ["weights", "model.onnx"]


def test_with_its_folders_an_empty_one_is_known_and_what_changes_in_it_are_its_files(model: Path) -> None:
    files = facts_of([model])
    (model / "empty").mkdir()
    assert facts_of([model]) == files
    before = facts_with_folders([model])
    assert [Path(fact.path).name for fact in before if fact.path.endswith("/")] == ["data", "empty"]
    (model / "empty" / ".partial").touch()
    assert facts_with_folders([model]) == before
    shutil.rmtree(model / "empty")
    assert facts_with_folders([model]) != before


def test_a_change_of_content_is_seen_also_where_size_and_time_are_the_same(model: Path) -> None:
    file = model / "model.onnx"
    before, times = facts_of([model]), file.stat()
    shutil.copyfile(file, model.parent / "new")
    (model.parent / "new").write_bytes(b"xyz")
    (model.parent / "new").replace(file)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert facts_of([model]) != before


def test_what_is_not_there_has_no_facts(tmp_path: Path) -> None:
    assert facts_of([tmp_path / "absent"]) == ()


def test_folders_that_lead_back_to_themselves_end(model: Path) -> None:
    (model / "again").symlink_to(model)
    assert facts_of([model])


def test_a_file_that_is_open_for_writing_is_told(model: Path) -> None:
    facts = facts_of([model])
    assert not being_written(facts)
    with (model / "model.onnx").open("ab"):
        if not being_written(facts):
            pytest.skip("this file system gives no leases")
    assert not being_written(facts)
