"""A small client of the Open Inference Protocol over HTTP, for `headrace infer`; binary tensors both ways."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES, from_array, to_array
from headrace.cli.connection import Server
from headrace.cli.failure import Failure
from headrace.cli.trust import Trust
from headrace.types import Tensor, TensorSpec

Array = NDArray[Any]

HEAD_LENGTH = "Inference-Header-Content-Length"


class Output(msgspec.Struct, frozen=True):
    """One output of an answer. BF16 is held as its bits."""

    name: str
    datatype: str
    array: Array


class Answered(msgspec.Struct, frozen=True):
    """Of one inference."""

    version: str | None  # that answered, where the server says so
    outputs: list[Output]


class Client:
    """Asks the server at `url`; every call opens a connection and closes it. Raises Failure."""

    def __init__(self, url: str, timeout_s: float, trust: Trust = Trust()) -> None:  # noqa: B008 a value
        self._server = Server(url, timeout_s, trust)

    def inputs(self, model: str, version: str | None) -> list[TensorSpec]:
        """What the model takes."""
        body, _ = self._ask("GET", _model_path(model, version))
        metadata = _parsed(body)
        return [TensorSpec(each["name"], each["datatype"], tuple(each["shape"])) for each in metadata["inputs"]]

    def infer(self, model: str, version: str | None, inputs: Sequence[Tensor], outputs: Sequence[str]) -> Answered:
        """One inference; `outputs` empty means all of them."""
        head, tensors = request_body(inputs, outputs)
        headers = {HEAD_LENGTH: str(len(head)), "Content-Type": "application/octet-stream"}
        body, length = self._ask("POST", f"{_model_path(model, version)}/infer", head + tensors, headers)
        return parse_answer(body, length)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[bytes, int | None]:
        """The body, and how much of it is JSON where the rest is tensors."""
        content, said = self._server.fetch(method, path, body, headers)
        length = said.get(HEAD_LENGTH)
        return content, int(length) if length else None


def request_body(inputs: Sequence[Tensor], outputs: Sequence[str]) -> tuple[bytes, bytes]:
    """The JSON head and the tensors behind it."""
    head: dict[str, Any] = {
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": tensor.shape,
                "parameters": {"binary_data_size": len(tensor.data)},
            }
            for tensor in inputs
        ],
        "parameters": {"binary_data_output": True},
    }
    if outputs:
        head["outputs"] = [{"name": name, "parameters": {"binary_data": True}} for name in outputs]
    return msgspec.json.encode(head), b"".join(tensor.data for tensor in inputs)


def parse_answer(body: bytes, head_length: int | None) -> Answered:
    """An answer, binary or JSON. Raises Failure where it is not one."""
    head = _parsed(body[:head_length])
    at, outputs = len(body) if head_length is None else head_length, list[Output]()
    try:
        for each in head["outputs"]:
            size = each.get("parameters", {}).get("binary_data_size")
            if size is None:
                array = _from_json(each)
            else:
                array = to_array(Tensor(each["name"], each["datatype"], tuple(each["shape"]), body[at : at + size]))
                at += size
            outputs.append(Output(each["name"], each["datatype"], array))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Failure(f"the server's answer is not one of the Open Inference Protocol: {error!r}") from error
    return Answered(head.get("model_version"), outputs)


def tensor_of(spec: TensorSpec, array: Array) -> Tensor:
    """An input ready to be sent."""
    return from_array(spec.name, array, spec.datatype)


def _from_json(output: Mapping[str, Any]) -> Array:
    shape = tuple(output["shape"])
    if output["datatype"] == "BYTES":
        flat = np.array(output["data"], dtype=object).ravel()
        elements = np.array([str(element).encode() for element in flat], dtype=object)
        return elements.reshape(shape)
    return np.array(output["data"], dtype=DATATYPES[output["datatype"]]).reshape(shape)


def _model_path(model: str, version: str | None) -> str:
    path = f"/v2/models/{quote(model, safe='')}"
    return f"{path}/versions/{quote(version, safe='')}" if version else path


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Failure(f"the server's answer is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Failure("the server's answer is not a JSON object")
    return value
