"""Messages of the Open Inference Protocol over gRPC, raw tensors, as bytes ready to be sent."""

from collections.abc import Sequence

from headrace.bench.grpc_wire import framed
from headrace.generated.service_pb2 import ModelInferRequest
from headrace.types import Tensor

SERVICE = "/inference.GRPCInferenceService/"


def infer_message(model: str, version: str | None, tensors: Sequence[Tensor]) -> bytes:
    """A whole inference, framed."""
    message = ModelInferRequest(model_name=model, model_version=version or "")
    for tensor in tensors:
        message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        message.raw_input_contents.append(bytes(tensor.data))
    return framed(message.SerializeToString())
