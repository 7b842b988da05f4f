"""Uploaded files lie outside the repository, and no longer than a version is served from them."""

from pathlib import Path

import pytest

from headrace.errors import Forbidden
from headrace.repository.uploads import Uploads


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
