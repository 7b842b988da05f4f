"""ONNX Runtime's profile is read: each operator with what it took in the runs that count."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.runtimes.onnx_operators import counted, counting
from headrace.runtimes.operators import Asked, Operator, find_out
from headrace.types import FREE, BatchAxis, Signature, TensorSpec
from tests.models import onnx_models as models
from tests.runtimes.manifests import manifest


def call(name: str, at: int, took: int) -> dict[str, Any]:
    about = {"op_name": "Conv", "output_type_shape": [{"float": [1, 3]}, {"int64": []}]}
    return {"cat": "Node", "name": f"{name}_kernel_time", "ts": at, "dur": took, "args": about}


def test_only_the_last_runs_count() -> None:
    runs: list[dict[str, Any]] = [{"cat": "Session", "name": "model_run", "ts": at, "dur": 9} for at in (10, 20, 30)]
    events = [*runs, call("c", 11, 1000), call("c", 21, 3), call("c", 31, 5), call("d", 32, 1)]
    shape = "float 1x3, int64 scalar"
    assert counted(events, 2) == [Operator("c", "Conv", shape, 2, 8), Operator("d", "Conv", shape, 1, 1)]


def test_a_real_session_tells_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = models.save(models.identity("FP32", (None, 4)), tmp_path)
    spec = TensorSpec("INPUT", "FP32", (FREE, 4))
    of = Signature((spec,), (TensorSpec("OUTPUT", "FP32", (FREE, 4)),), BatchAxis(True, 8), "", "")
    told = find_out(Asked(manifest(path), 1, of, 3))
    assert [(each.type, each.calls, each.shape) for each in told.operators] == [("Identity", 3, "float 1x4")]
    assert list(tmp_path.iterdir()) == [path]


def test_a_sum_and_its_norm_run_apart_which_is_quicker_than_joined(tmp_path: Path) -> None:
    path = models.save(models.norm_of_sum(), tmp_path)
    counter = counting(manifest(path), 1)
    counter.model.run({"INPUT": np.ones((1, 8, 64), np.float32)})
    counter.ran()
    assert [each.type for each in counter.operators()] == ["Add", "LayerNormalization"]


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("no model")
    with pytest.raises(ModelInvalid):
        counting(manifest(path), 1)
