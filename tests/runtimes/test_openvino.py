"""What OpenVINO reads is described, run and refused as it should be."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
import pytest
from openvino import opset13 as ops
from openvino.op.util import Variable, VariableInfo

from headrace.errors import InputRefused, ModelInvalid
from headrace.runtimes.openvino import OpenVino
from headrace.runtimes.probe import find_batch_axis
from headrace.runtimes.runtime import LoadedModel
from headrace.types import FREE, TensorSpec
from tests.models import onnx_models as models
from tests.runtimes.manifests import manifest

WIRE = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"]


def load_file(path: Path, **said: Any) -> LoadedModel:
    return OpenVino().load(manifest(path, "openvino", **said), threads=1)


def load(model: onnx.ModelProto, folder: Path) -> LoadedModel:
    return load_file(models.save(model, folder))


def refusal(path: Path, **said: Any) -> str:
    with pytest.raises(ModelInvalid) as caught:
        load_file(path, **said)
    return str(caught.value)


def ir(folder: Path) -> Path:
    """y = 2 x, as OpenVINO writes models."""
    x = ops.parameter([-1, 4], np.float32, name="x")
    y = ops.multiply(x, np.array(2, np.float32))
    y.output(0).set_names({"y", "a_longer_name"})
    path = folder / "model.xml"
    ov.save_model(ov.Model([y], [x], "double"), path)
    return path


SIGNALLED = """
import os, signal, sys
from pathlib import Path
from headrace.runtimes.openvino import OpenVino
from headrace.types import Manifest

one, other = (OpenVino().load(Manifest("model", 1, Path(sys.argv[1]), "openvino"), threads=1) for _ in range(2))
one.close()
del one
other.close()
del other
signal.signal(signal.SIGUSR1, lambda *_: print("still here"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_a_signal_that_comes_when_models_are_gone_does_no_harm(tmp_path: Path) -> None:
    path = str(ir(tmp_path))
    assert subprocess.check_output([sys.executable, "-c", SIGNALLED, path], text=True) == "still here\n"


def test_an_ir_says_names_types_and_shapes(tmp_path: Path) -> None:
    model = load_file(ir(tmp_path))
    assert model.inputs == (TensorSpec("x", "FP32", (FREE, 4)),)
    assert model.outputs == (TensorSpec("y", "FP32", (FREE, 4)),)
    assert model.platform == "openvino"
    assert model.runtime.startswith("openvino 20")


def test_an_ir_runs(tmp_path: Path) -> None:
    rows = np.arange(8, dtype=np.float32).reshape(2, 4)
    rows.flags.writeable = False
    assert np.array_equal(load_file(ir(tmp_path)).run({"x": rows}, ())["y"], rows * 2)


@pytest.mark.parametrize("datatype", WIRE)
def test_carries_every_datatype_of_numpy(datatype: str, tmp_path: Path) -> None:
    model = load(models.identity(datatype), tmp_path)
    given = np.arange(8).reshape(2, 4).astype(onnx.helper.tensor_dtype_to_np_dtype(models.DATATYPES[datatype]))
    found = model.run({"INPUT": given}, ())["OUTPUT"]
    assert found.dtype == given.dtype
    assert np.array_equal(found, given)


@pytest.mark.parametrize("shape", [(), (0,), (3,)])
def test_carries_bf16_as_its_bits(shape: tuple[int, ...], tmp_path: Path) -> None:
    bits = np.full(shape, 0x3FC0, np.uint16)
    found = load(models.identity("BF16", ["d"] * len(shape)), tmp_path).run({"INPUT": bits}, ())["OUTPUT"]
    assert found.dtype == np.uint16
    assert found.shape == shape
    assert np.array_equal(found, bits)


def test_runs_scalars(tmp_path: Path) -> None:
    assert load(models.scalar(), tmp_path).run({"INPUT": np.array(2, np.float32)}, ())["OUTPUT"] == np.float32(4)


def test_an_answer_outlives_the_next_run(tmp_path: Path) -> None:
    model = load_file(ir(tmp_path))
    first = model.run({"x": np.ones((1, 4), np.float32)}, ())["y"]
    model.run({"x": np.zeros((1, 4), np.float32)}, ())
    assert first.tolist() == [[2, 2, 2, 2]]


def test_an_input_left_out_is_never_the_last_requests(tmp_path: Path) -> None:
    model = load_file(ir(tmp_path))
    model.run({"x": np.ones((1, 4), np.float32)}, ())
    with pytest.raises(InputRefused, match="missing: 'x'"):
        model.run({}, ())


def test_what_a_model_remembers_of_one_request_is_not_for_the_next(tmp_path: Path) -> None:
    given = ops.parameter([1, 2], np.float32, name="x")
    kept = VariableInfo()
    kept.data_shape, kept.data_type, kept.variable_id = ov.PartialShape([1, 2]), ov.Type.f32, "sum"
    variable = Variable(kept)
    total = ops.add(ops.read_value(ops.constant(np.zeros((1, 2), np.float32)), variable), given)
    ov.save_model(ov.Model([ops.result(total)], [ops.assign(total, variable)], [given]), tmp_path / "model.xml")
    model = load_file(tmp_path / "model.xml")
    for _ in range(2):
        (found,) = model.run({"x": np.ones((1, 2), np.float32)}, ()).values()
        assert found.tolist() == [[1, 1]]


def test_gives_only_the_outputs_asked_for(tmp_path: Path) -> None:
    model = load(models.two_outputs(), tmp_path)
    assert set(model.run({"INPUT": np.ones((1, 4), np.float32)}, ("CLASS",))) == {"CLASS"}


def test_refuses_inputs_with_the_reason(tmp_path: Path) -> None:
    model = load(models.dense(), tmp_path)
    model.run({"INPUT": np.zeros((3, 7), np.float32)}, ())
    with pytest.raises(InputRefused, match="Incompatible MatMul matrix dimension"):
        model.run({"INPUT": np.zeros((1, 5), np.float32)}, ())


@pytest.mark.parametrize(
    ("element", "says"),
    [("i4", "input 'x' is of type i4"), ("f8e4m3", "have its graph begin with a Convert from f32")],
)
def test_numbers_that_cannot_be_carried_are_refused_with_what_would_be_right(
    element: str, says: str, tmp_path: Path
) -> None:
    given = ov.opset13.parameter([2, 2], getattr(ov.Type, element), name="x")
    ov.save_model(ov.Model([ov.opset13.relu(given)], [given]), tmp_path / "model.xml")
    assert says in refusal(tmp_path / "model.xml")


def test_strings_are_refused_at_load(tmp_path: Path) -> None:
    said = refusal(models.save(models.identity("BYTES"), tmp_path))
    assert said.startswith("input 'INPUT' is of type string")


@pytest.mark.parametrize("content", [b"", b"hello world, not onnx"])
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    assert refusal(tmp_path / "model.onnx").startswith("model.onnx: Unable to read the model")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = models.save(models.dense(64), tmp_path)
    path.write_bytes(path.read_bytes()[:-10])
    assert refusal(path).startswith("model.onnx: ")


def test_an_ir_without_its_weights_is_refused(tmp_path: Path) -> None:
    path = ir(tmp_path)
    path.with_suffix(".bin").unlink()
    assert refusal(path).startswith("model.xml: ")


def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    assert "OpenVINO does not convert these of its operations: Nope" in refusal(
        models.save(models.one_node("Nope"), tmp_path)
    )


@pytest.mark.parametrize("location", ["../secret.bin", "{absolute}", "link.bin"])
def test_data_outside_the_models_folder_is_never_read(location: str, tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret.bin", tmp_path / "model"
    secret.write_bytes(bytes(16))
    folder.mkdir()
    (folder / "link.bin").symlink_to(secret)
    model = models.external(location.format(absolute=secret))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    assert "outside the base directory" in refusal(folder / "model.onnx")


def test_rows_keep_to_themselves(tmp_path: Path) -> None:
    path = ir(tmp_path)
    assert find_batch_axis(load_file(path), manifest(path, "openvino")).batched


def test_full_precision_is_the_default_and_may_be_given_up(tmp_path: Path) -> None:
    path = models.save(models.dense(), tmp_path)
    assert not load_file(path).coarse
    assert load_file(path, parameters={"precision": "bf16"}).coarse


def test_quantised_files_are_told_from_others(tmp_path: Path) -> None:
    assert load(models.dynamically_quantised(), tmp_path).coarse


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"parameters": {"precision": "f8"}}, "parameters.precision: is one of f32, bf16, f16, not 'f8'"),
        ({"device": "toaster"}, "device: OpenVINO finds no 'toaster' here, only cpu"),
    ],
)
def test_a_setting_that_it_cannot_honour_is_refused(said: dict[str, Any], says: str, tmp_path: Path) -> None:
    assert refusal(ir(tmp_path), **said) == says
