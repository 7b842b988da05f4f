"""The sum and the difference, row by row."""

from pathlib import Path

import numpy as np

from headrace.runtimes.onnx import Onnx
from headrace.types import FREE
from tests.runtimes.manifests import manifest
from tools.add_sub_onnx import write_add_sub


def test_gives_the_sum_and_the_difference(tmp_path: Path) -> None:
    write_add_sub(tmp_path / "model.onnx")
    model = Onnx().load(manifest(tmp_path / "model.onnx"), threads=1)
    ones, twos = np.full((2, 16), 1, np.int32), np.full((2, 16), 2, np.int32)
    found = model.run({"INPUT0": ones, "INPUT1": twos}, ())
    assert [(spec.datatype, spec.shape) for spec in model.inputs] == [("INT32", (FREE, 16))] * 2
    assert (found["OUTPUT0"] == 3).all()
    assert (found["OUTPUT1"] == -1).all()
