"""ONNX's own node tests, through our runtime."""

from pathlib import Path

import pytest

from headrace.runtimes.onnx import Onnx
from headrace.types import Manifest
from tests.models.node_models import NAMES, assert_equal, node_model


@pytest.mark.parametrize("name", NAMES)
def test_answers_as_the_reference_does(name: str, tmp_path: Path) -> None:
    model = node_model(name, tmp_path)
    loaded = Onnx().load(Manifest(name, 1, model.path, "onnx"), threads=1)
    assert_equal(model, dict(loaded.run(model.inputs, ())))
