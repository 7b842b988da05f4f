"""A classifier's classes are found in its file, in the order of its columns."""

from pathlib import Path

import pytest
from onnx import TensorProto

from headrace.runtimes.onnx_classes import classes
from tests.models import onnx_models as models

Labels = dict[str, list[int] | list[str]]

NUMBERS: Labels = {"classlabels_int64s": [10, 9, -1]}


@pytest.mark.parametrize(
    ("key", "labels", "told"),
    [
        (TensorProto.INT64, NUMBERS, ("-1", "9", "10")),
        (TensorProto.STRING, {"classlabels_strings": ["z", "ä", "a", "a"]}, ("a", "z", "ä")),
    ],
)
def test_they_are_ordered_as_the_columns_are(key: int, labels: Labels, told: tuple[str, ...], tmp_path: Path) -> None:
    assert classes(models.save(models.classifier(key, labels), tmp_path)) == {"OUTPUT": told}


def field(key: int, content: bytes) -> bytes:
    return bytes([key << 3 | 2, len(content)]) + content


def test_numbers_may_be_written_in_one_piece(tmp_path: Path) -> None:
    numbers = bytes([0xAC, 0x02, 0x05]) + b"\xff" * 9 + b"\x01"  # 300, 5, -1
    attribute = field(1, b"classlabels_int64s") + field(8, numbers)
    node = field(2, b"y") + field(4, b"ZipMap") + field(5, attribute)
    path = tmp_path / "model.onnx"
    path.write_bytes(field(7, field(1, node)))
    assert classes(path) == {"y": ("-1", "5", "300")}


def test_other_models_have_none(tmp_path: Path) -> None:
    assert classes(models.save(models.two_outputs(), tmp_path)) == {}


@pytest.mark.parametrize("length", [0, 4, 60])
def test_of_a_file_that_is_cut_short_or_not_there_nothing_is_said(length: int, tmp_path: Path) -> None:
    assert classes(tmp_path / "model.onnx") == {}
    path = models.save(models.classifier(TensorProto.INT64, NUMBERS), tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    assert classes(path) == {}
