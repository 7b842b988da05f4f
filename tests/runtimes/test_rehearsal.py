"""The model of next to nothing, as the libraries read it."""

import importlib
from types import ModuleType

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from headrace.runtimes import rehearsal


def test_it_is_a_valid_file_that_gives_back_what_it_is_given() -> None:
    onnx.checker.check_model(onnx.load_from_string(rehearsal.MODEL), full_check=True)
    session = ort.InferenceSession(rehearsal.MODEL, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, rehearsal.INPUTS)
    np.testing.assert_array_equal(found, rehearsal.INPUTS["x"])


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_each_library_takes_it(name: str) -> None:
    runtime: ModuleType = importlib.import_module(f"headrace.runtimes.{name}")
    runtime.in_reserve()
