"""An ONNX file's inputs and outputs of types that cannot be carried are named, also where ONNX Runtime fails first."""

from pathlib import Path

import pytest
from onnx import TensorProto, helper

from headrace.errors import ModelInvalid
from headrace.runtimes.onnx import Onnx
from headrace.runtimes.onnx_carried import UNCARRIED, uncarried
from tests.models import onnx_models as models
from tests.runtimes.manifests import manifest

FLOAT, COMPLEX = TensorProto.FLOAT, TensorProto.COMPLEX64


def saved(folder: Path, input_type: int, output_type: int) -> Path:
    tensors = [helper.make_tensor_value_info(name, of, [2]) for name, of in (("X", input_type), ("Y", output_type))]
    made = helper.make_graph([helper.make_node("Cast", ["X"], ["Y"], to=output_type)], "g", tensors[:1], tensors[1:])
    return models.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 23)], ir_version=11), folder)


@pytest.mark.parametrize(("number", "type_"), UNCARRIED.items())
def test_an_input_of_a_type_that_cannot_be_carried_is_named(number: int, type_: str, tmp_path: Path) -> None:
    path = saved(tmp_path, number, FLOAT)
    said = f"input 'X' is of type tensor({type_}), which no protocol datatype can carry"
    assert uncarried(path) == said
    with pytest.raises(ModelInvalid) as refused:
        Onnx().load(manifest(path), threads=1)
    assert str(refused.value) == said


def test_so_is_an_output(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"^output 'Y' is of type tensor\(complex64\), which no protocol"):
        Onnx().load(manifest(saved(tmp_path, FLOAT, COMPLEX)), threads=1)


def test_each_number_is_that_of_its_type() -> None:
    assert {TensorProto.DataType.Name(number).lower() for number in UNCARRIED} == set(UNCARRIED.values())


@pytest.mark.parametrize("cut", [0, 1, 20, 40])
def test_of_a_file_that_is_cut_short_or_something_else_nothing_is_said(cut: int, tmp_path: Path) -> None:
    path = saved(tmp_path, FLOAT, COMPLEX)
    path.write_bytes(path.read_bytes()[:cut])
    assert uncarried(path) == ""
    path.write_bytes(bytes(1 << 20))
    assert uncarried(path) == ""


def test_of_a_file_whose_types_can_be_carried_nothing_is_said(tmp_path: Path) -> None:
    assert uncarried(saved(tmp_path, FLOAT, TensorProto.DOUBLE)) == ""
