"""Messages of an inference over gRPC."""

from headrace.bench.infer_grpc import infer_message
from headrace.generated.service_pb2 import ModelInferRequest
from headrace.types import Tensor


def test_tensors_travel_raw() -> None:
    framed = infer_message("m", "2", [Tensor("x", "FP32", (1, 2), memoryview(bytes(8)))])
    message = ModelInferRequest.FromString(framed[5:])
    assert (message.model_name, message.model_version) == ("m", "2")
    assert (message.inputs[0].name, list(message.inputs[0].shape)) == ("x", [1, 2])
    assert list(message.raw_input_contents) == [bytes(8)]
    assert int.from_bytes(framed[1:5], "big") == len(framed) - 5
