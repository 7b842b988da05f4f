"""Uploaded files lie outside the repository, and no longer than a version is served from them."""

from pathlib import Path

import pytest

from headrace.errors import Forbidden, InvalidRequest
from headrace.repository.uploads import MAX_FILES, Uploads, check_number


def test_what_was_uploaded_is_a_repository_until_it_is_discarded() -> None:
    uploads = Uploads()
    repository = uploads.place("m", {"1/model.onnx": b"x"})
    (manifest,) = repository.find("m").manifests
    assert manifest.path.read_bytes() == b"x"
    uploads.discard("m", [manifest.path])
    assert manifest.path.exists()
    uploads.discard("m")
    assert not repository.path.exists()
    assert uploads.names() == []


@pytest.mark.parametrize("path", ["../n/1/model.onnx", "/tmp/model.onnx"])
def test_a_file_stays_in_the_folder_of_its_model(path: str) -> None:
    uploads = Uploads()
    with pytest.raises(Forbidden, match="leaves the model's folder"):
        uploads.place("m", {path: b"x"})
    uploads.discard("m")


def test_a_model_s_name_leads_nowhere_else(tmp_path: Path) -> None:
    uploads = Uploads()
    with pytest.raises(Forbidden):
        uploads.place("../m", {"1/model.onnx": b"x"})
    uploads.discard("../m")


@pytest.mark.parametrize("depth", [9, 3000])
def test_a_file_lies_in_no_more_folders_than_anybody_needs(depth: int) -> None:
    uploads = Uploads()
    with pytest.raises(InvalidRequest, match=f"a file lies in {depth} folders; the most is 8"):
        uploads.place("m", {"a/" * depth + "x": b""})
    uploads.discard("m")


def test_so_many_files_are_too_many_for_one_load() -> None:
    check_number(MAX_FILES)
    with pytest.raises(InvalidRequest, match="1025 files are too many for one load; the most is 1024"):
        check_number(MAX_FILES + 1)
