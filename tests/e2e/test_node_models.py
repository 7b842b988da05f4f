"""ONNX's own node tests behind one server, without configuration: it answers as the reference does."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from numpy.typing import NDArray
from onnx import TensorProto

from tests.e2e.tensors import Arrays, inputs, outputs
from tests.models.node_models import NAMES, NodeModel, assert_equal, node_model
from tests.program import serving

pytestmark = pytest.mark.slow

WIRE = {"FLOAT": "FP32", "DOUBLE": "FP64", "FLOAT16": "FP16", "BFLOAT16": "BF16", "STRING": "BYTES"}
"""The protocol's names of ONNX's datatypes, where the two differ."""


class Served(NamedTuple):
    """All models, and clients of the server that has them."""

    models: dict[str, NodeModel]
    http: Any
    grpc: Any


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("nodes")
    models = {name: node_model(name, folder) for name in NAMES}
    with (
        serving(folder) as program,
        tritonclient.http.InferenceServerClient(program.http) as http,
        tritonclient.grpc.InferenceServerClient(program.grpc) as grpc,
    ):
        yield Served(models, http, grpc)


@pytest.mark.parametrize("name", NAMES)
def test_answers_over_http(served: Served, name: str) -> None:
    model = served.models[name]
    given = inputs(tritonclient.http, model.inputs, datatypes(model, model.inputs))
    assert_equal(model, outputs(served.http.infer(name, given), datatypes(model, model.outputs)))


@pytest.mark.parametrize("name", NAMES)
def test_answers_over_grpc(served: Served, name: str) -> None:
    model = served.models[name]
    given = inputs(tritonclient.grpc, model.inputs, datatypes(model, model.inputs))
    assert_equal(model, outputs(served.grpc.infer(name, given), datatypes(model, model.outputs)))


@pytest.mark.parametrize("name", NAMES)
def test_answers_in_json_what_json_can_carry(served: Served, name: str) -> None:
    model = served.models[name]
    sent, expected = datatypes(model, model.inputs), datatypes(model, model.outputs)
    if not all(is_json(array, (sent | expected)[key]) for key, array in (model.inputs | model.outputs).items()):
        pytest.skip("JSON has no such numbers")
    given = inputs(tritonclient.http, model.inputs, sent, binary_data=False)
    wanted = [tritonclient.http.InferRequestedOutput(key, binary_data=False) for key in expected]
    found = outputs(served.http.infer(name, given, outputs=wanted), expected)
    assert_equal(model, {key: as_bytes(array) if expected[key] == "BYTES" else array for key, array in found.items()})


def datatypes(model: NodeModel, arrays: Arrays) -> dict[str, str]:
    names = {key: TensorProto.DataType.Name(model.datatypes[key]) for key in arrays}
    return {key: WIRE.get(name, name) for key, name in names.items()}


def is_json(array: NDArray[Any], datatype: str) -> bool:
    """Halves are refused in JSON, and it has no words for what is not finite."""
    return datatype not in ("FP16", "BF16") and (array.dtype.kind != "f" or bool(np.isfinite(array).all()))


def as_bytes(texts: NDArray[Any]) -> NDArray[Any]:
    made = np.empty(math.prod(texts.shape), dtype=object)
    made[:] = [text.encode() for text in texts.ravel()]
    return made.reshape(texts.shape)
