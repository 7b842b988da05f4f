"""What stands in an ONNX file's bytes."""

from pathlib import Path

import pytest

from headrace.runtimes.onnx_content import has_softmax, is_quantised
from tests.models import onnx_models as models


def test_quantised_files_are_told_from_others(tmp_path: Path) -> None:
    assert is_quantised(models.save(models.dynamically_quantised(), tmp_path))
    assert not is_quantised(models.save(models.dense(), tmp_path))


def test_a_softmax_is_found(tmp_path: Path) -> None:
    assert has_softmax(models.save(models.weighed(), tmp_path))
    assert not has_softmax(models.save(models.dense(), tmp_path))


@pytest.mark.parametrize("content", [b"", None])
def test_no_file_has_none(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    assert not has_softmax(path)
