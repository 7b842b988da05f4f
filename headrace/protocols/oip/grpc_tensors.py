"""The inputs of a gRPC inference -> Tensor: from raw contents, typed contents or shared memory. Knows no model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from headrace.arrays import DATATYPES, from_array, join_bytes, to_numbers
from headrace.errors import InvalidRequest
from headrace.generated.service_pb2 import InferParameter, ModelInferRequest
from headrace.protocols.oip.shapes import check_content, check_number, check_rank, count_elements
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.shared_tensors import REGION, SharedInputs
from headrace.types import Buffer, Parameter, Shape, Tensor

Input = ModelInferRequest.InferInputTensor

FIELDS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""The field of the typed contents that carries a datatype; FP16 and BF16 have none."""


def read_inputs(message: ModelInferRequest, contents: Sequence[Buffer], regions: Regions) -> tuple[Tensor, ...]:
    """Every input of the message, whose raw contents come beside it.

    Raises InvalidRequest with the path of the field at fault, NotFound for a region.
    """
    check_number(len(message.inputs), "inputs")
    raw = iter(contents) if contents else None
    shared = SharedInputs(regions)
    inputs = tuple(_read_input(one, index, raw, shared) for index, one in enumerate(message.inputs))
    if raw is not None and next(raw, None) is not None:
        sent = len(contents)
        raise InvalidRequest(f"{sent} are sent, more than there are inputs without {REGION}", "raw_input_contents")
    return inputs


def read_parameters(sent: Mapping[str, InferParameter], where: str) -> dict[str, Parameter]:
    """Parameters by name, whatever field carries each. Raises InvalidRequest for one without a value, or too many."""
    check_number(len(sent), where)
    parameters: dict[str, Parameter] = {}
    for name, parameter in sent.items():
        field = parameter.WhichOneof("parameter_choice")
        if field is None:
            raise InvalidRequest("has no value", f"{where}.{name}")
        parameters[name] = getattr(parameter, field)
    return parameters


def _read_input(one: Input, index: int, raw: Iterator[Buffer] | None, shared: SharedInputs) -> Tensor:
    where = f"inputs[{index}]"
    check_rank(len(one.shape), where)
    shape = tuple(one.shape)
    parameters = read_parameters(one.parameters, f"{where}.parameters") if one.parameters else {}
    if REGION in parameters:
        _refuse_contents(one, f"{where}.contents", "the input is in shared memory")
        data: Buffer = shared.read(one.datatype, shape, parameters, where)
    elif raw is not None:
        _refuse_contents(one, f"{where}.contents", "raw_input_contents has the data of every input")
        data = _next(raw, where)
    else:
        return _read_typed(one, shape, where)
    check_content(one.datatype, shape, data, where)
    return Tensor(one.name, one.datatype, shape, data)


def _next(raw: Iterator[Buffer], where: str) -> Buffer:
    data = next(raw, None)
    if data is None:
        raise InvalidRequest("has no entry in raw_input_contents, which has one for each input", where)
    return data


def _refuse_contents(one: Input, where: str, why: str) -> None:
    if one.HasField("contents") and one.contents.ListFields():
        raise InvalidRequest(f"{why}; send one or the other", where)


def _read_typed(one: Input, shape: Shape, where: str) -> Tensor:
    count = count_elements(one.datatype, shape, where)
    field = FIELDS.get(one.datatype)
    if field is None:
        raise InvalidRequest(f"{one.datatype} has no typed contents; send raw_input_contents", f"{where}.datatype")
    for filled, _ in one.contents.ListFields():
        if filled.name != field:
            raise InvalidRequest(f"{one.datatype} is read from {field}", f"{where}.contents.{filled.name}")
    values = getattr(one.contents, field)
    at = f"{where}.contents.{field}"
    if len(values) != count:
        raise InvalidRequest(f"shape {list(shape)} is {count} elements, {len(values)} were sent", at)
    if one.datatype == "BYTES":
        return Tensor(one.name, "BYTES", shape, join_bytes(values))
    return _read_numbers(one, values, shape, at)


def _read_numbers(one: Input, values: Any, shape: Shape, where: str) -> Tensor:
    dtype = DATATYPES[one.datatype]
    try:
        array = to_numbers(values, dtype)
    except OverflowError as error:  # small integers travel as 32 bits
        limits = np.iinfo(dtype.str)
        wrong = next(i for i, value in enumerate(values) if not limits.min <= value <= limits.max)
        what = f"{values[wrong]} is not in the range of {one.datatype}, {limits.min} to {limits.max}"
        raise InvalidRequest(what, f"{where}[{wrong}]") from error
    return from_array(one.name, array.reshape(shape), one.datatype)
