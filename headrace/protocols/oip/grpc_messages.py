"""Inference over gRPC: message -> Request, and how the answer is wanted; Response -> message. No connections."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from headrace.generated.service_pb2 import ModelInferRequest, ModelInferResponse
from headrace.models.registry import Registry
from headrace.protocols.limits import Headers, Limits
from headrace.protocols.oip.classification import classify
from headrace.protocols.oip.grpc_raw import with_contents
from headrace.protocols.oip.grpc_tensors import read_inputs, read_parameters
from headrace.protocols.oip.model_version import read_model
from headrace.protocols.oip.parameters import forwarded, limited
from headrace.protocols.oip.shapes import check_number
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.shared_tensors import write_shared
from headrace.protocols.oip.wanted import Outputs, WantedOutput
from headrace.types import Buffer, ModelRef, Parameter, Request, Response

Wanted = Mapping[str, WantedOutput]
"""How each output that the client named is wanted."""

_INT64_MAX = 2**63 - 1


class Written(NamedTuple):
    """A ModelInferResponse, and its raw contents beside it."""

    message: ModelInferResponse
    contents: list[Buffer]

    def serialized(self) -> Buffer:
        """As it travels."""
        return with_contents(self.message.SerializeToString(), self.contents)


def read_request(
    message: ModelInferRequest,
    contents: Sequence[Buffer],
    limits: Limits,
    arrived_ns: int,
    trace: str,
    registry: Registry,
    regions: Regions,
    headers: Headers = (),
) -> tuple[Request, Wanted]:
    """The request, and how its answer is wanted; its raw contents and what limits it are said beside the message.

    Raises InvalidRequest with the field's path, NotFound for a region or a version that is none.
    """
    model = read_model(message.model_name, message.model_version)
    parameters = read_parameters(message.parameters, "parameters") if message.parameters else {}
    context = (limited(limits, parameters) if parameters else limits).context(arrived_ns, "grpc", trace, headers)
    inputs = read_inputs(message, contents or message.raw_input_contents, regions)
    wanted = _read_outputs(message, model, registry, regions) if message.outputs else {}
    return Request(message.id, model, inputs, tuple(wanted), forwarded(parameters), context), wanted


def write_response(response: Response, request_id: str, wanted: Wanted, regions: Regions) -> Written:
    """The answer as a message, with the tensors' own memory; outputs wanted in shared memory are written there.

    Each output has its place in `raw_output_contents`, empty for those in shared memory: clients count on the order.
    Raises InvalidRequest for an output that cannot be sent as it is wanted.
    """
    version = response.model
    message = ModelInferResponse(model_name=version.name, model_version=str(version.version), id=request_id)
    contents: list[Buffer] = []
    for tensor in response.outputs:
        how = wanted.get(tensor.name)
        if how is not None and how.classes is not None:
            tensor = classify(tensor, *how.classes)  # noqa: PLW2901
        output = message.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if how is not None and how.place is not None:
            write_parameters(output.parameters, write_shared(tensor, how.place, how.where, regions))
            contents.append(b"")
        else:
            contents.append(tensor.data)
    if response.parameters:
        write_parameters(message.parameters, response.parameters)
    return Written(message, contents)


def write_parameters(target: Any, parameters: Mapping[str, Parameter]) -> None:
    """Put parameters in a message's map, each in the field of its type."""
    for name, value in parameters.items():
        if isinstance(value, bool):
            target[name].bool_param = value
        elif isinstance(value, int) and value > _INT64_MAX:
            target[name].uint64_param = value
        elif isinstance(value, int):
            target[name].int64_param = value
        elif isinstance(value, float):
            target[name].double_param = value
        else:
            target[name].string_param = value


def _read_outputs(message: ModelInferRequest, model: ModelRef, registry: Registry, regions: Regions) -> Wanted:
    check_number(len(message.outputs), "outputs")
    outputs = Outputs(model, registry, regions)
    for index, one in enumerate(message.outputs):
        sent = one.parameters
        outputs.add(one.name, read_parameters(sent, f"outputs[{index}].parameters") if sent else None)
    return outputs.found
