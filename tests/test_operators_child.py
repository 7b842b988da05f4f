"""A program answers one question about a model's operators, whatever becomes of it."""

import subprocess
import sys
from pathlib import Path

from headrace.operators_child import Failed, Found, answer, decode_answer, encode_asked
from headrace.runtimes.operators import Asked
from headrace.types import FREE, BatchAxis, Signature, TensorSpec
from tests.models import onnx_models as models
from tests.runtimes.manifests import manifest


def asked(path: Path) -> Asked:
    spec, out = TensorSpec("INPUT", "FP32", (FREE, 4)), TensorSpec("OUTPUT", "FP32", (FREE, 4))
    return Asked(manifest(path), 1, Signature((spec,), (out,), BatchAxis(True, 8), "", ""), 2)


def test_it_answers_on_standard_output(tmp_path: Path) -> None:
    question = encode_asked(asked(models.save(models.identity("FP32", (None, 4)), tmp_path)))
    command = [sys.executable, "-m", "headrace.operators_child"]
    found = decode_answer(subprocess.run(command, input=question, capture_output=True, check=True).stdout)
    assert isinstance(found, Found)
    assert [each.type for each in found.told.operators] == ["Identity"]


def test_why_there_is_no_answer_is_one(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("no model")
    failed = answer(asked(path))
    assert isinstance(failed, Failed)
    assert failed.code == "model_invalid"
    assert "model.onnx" in failed.message
