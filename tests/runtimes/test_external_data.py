"""Which files a model's weights lie in beside its own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from headrace.runtimes.external_data import external_data
from tests.models import onnx_models as models


def elsewhere(location: str) -> onnx.TensorProto:
    """Weights that lie in another file."""
    return models.external(location).graph.initializer[0]


def within_a_branch(location: str) -> onnx.ModelProto:
    """A constant of a graph within a node."""
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["y"], value=elsewhere(location))],
        "branch",
        [],
        [models.value("y", "FP32", (4,))],
    )
    return models.graph(
        [helper.make_node("If", ["INPUT"], ["OUTPUT"], then_branch=branch, else_branch=branch)],
        [models.value("INPUT", "BOOL", ())],
        [models.value("OUTPUT", "FP32", (4,))],
    )


def within_a_function(location: str) -> onnx.ModelProto:
    """A constant of a function of the model's own."""
    model = models.identity()
    node = helper.make_node("Constant", [], ["y"], value=elsewhere(location))
    model.functions.append(helper.make_function("own", "f", [], ["y"], [node], [helper.make_opsetid("", 17)]))
    return model


@pytest.mark.parametrize("made", [models.external, within_a_branch, within_a_function])
@pytest.mark.parametrize("name", ["w.data", "sub/wé.bin", "w" * 200])
def test_an_onnx_file_names_those_that_its_weights_lie_in(
    made: Callable[[str], onnx.ModelProto], name: str, tmp_path: Path
) -> None:
    assert external_data(models.save(made(name), tmp_path)) == [tmp_path / name]


def test_each_is_told_once(tmp_path: Path) -> None:
    model = models.external("b")
    model.graph.initializer.extend([elsewhere("a"), elsewhere("b")])
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    assert external_data(path) == [tmp_path / "a", tmp_path / "b"]


def test_what_stands_in_weights_is_no_name(tmp_path: Path) -> None:
    model = models.identity()
    words = np.frombuffer(b"\x0a\x08location\x12\x01x", np.uint8)
    model.graph.initializer.append(numpy_helper.from_array(words, "words"))
    assert external_data(models.save(model, tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "beside"),
    [("m.xml", ["m.bin"]), ("m.pdmodel", ["m.pdiparams"]), ("m.json", ["m.pdiparams"]), ("m.tflite", []), ("m.pb", [])],
)
def test_formats_with_weights_in_a_file_of_their_own_have_it_beside(
    name: str, beside: list[str], tmp_path: Path
) -> None:
    assert external_data(tmp_path / name) == []  # it has no weights
    for each in ("m.bin", "m.pdiparams"):
        (tmp_path / each).touch()
    assert external_data(tmp_path / name) == [tmp_path / each for each in beside]


def turned_round() -> bytes:
    """An entry whose value stands before its key."""
    tensor = TensorProto(name="w")
    tensor.external_data.add(key="location", value="x")
    entry = tensor.external_data[0].SerializeToString()
    key, value = entry[:10], entry[10:]
    model = models.identity()
    model.graph.initializer.append(tensor)
    content: bytes = model.SerializeToString()
    return content.replace(key + value, value + key)


@pytest.mark.parametrize("content", [b"", b"ORTM", b"\x08", models.identity().SerializeToString()[:-3], turned_round()])
def test_where_it_cannot_be_told_that_is_said(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"\w"):
        external_data(path)
