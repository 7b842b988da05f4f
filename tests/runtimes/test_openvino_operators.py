"""OpenVINO's counters are read after each run."""

from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.runtimes.openvino_operators import counting
from headrace.runtimes.operators import Asked, Given, find_out
from headrace.types import BatchAxis, Signature
from tests.models import onnx_models as models
from tests.runtimes.manifests import manifest

pytest.importorskip("openvino")


def test_a_real_model_tells(tmp_path: Path) -> None:
    path = models.save(models.dense(7), tmp_path)
    model = counting(manifest(path, "openvino"), 1).model
    of = Signature(model.inputs, model.outputs, BatchAxis(False), "", "")
    sample = (Given("INPUT", "FP32", (2, 7), bytes(56)),)
    told = find_out(Asked(manifest(path, "openvino"), 1, of, 3, (sample,)))
    assert told.operators
    assert {each.calls for each in told.operators} == {3}
    assert any(each.shape.startswith("f32 ") for each in told.operators)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("no model")
    with pytest.raises(ModelInvalid):
        counting(manifest(path, "openvino"), 1)
