"""The details of a refusal are what gRPC's clients read with googleapis' messages."""

from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, duration_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from headrace.protocols.grpc.retry_details import retry_details


def _messages() -> tuple[Any, Any]:
    """google.rpc.Status and google.rpc.RetryInfo, as googleapis declares them."""
    pool = DescriptorPool()
    for module in (any_pb2, duration_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="rpc.proto", package="google.rpc", syntax="proto3")
    file.dependency.extend(["google/protobuf/any.proto", "google/protobuf/duration.proto"])
    status = file.message_type.add(name="Status")
    status.field.add(name="code", number=1, type=kinds.TYPE_INT32, label=kinds.LABEL_OPTIONAL)
    status.field.add(name="message", number=2, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    details = status.field.add(name="details", number=3, type=kinds.TYPE_MESSAGE, label=kinds.LABEL_REPEATED)
    details.type_name = ".google.protobuf.Any"
    delay = file.message_type.add(name="RetryInfo").field.add(name="retry_delay", number=1, type=kinds.TYPE_MESSAGE)
    delay.type_name = ".google.protobuf.Duration"
    pool.AddSerializedFile(file.SerializeToString())
    return tuple(GetMessageClass(pool.FindMessageTypeByName(f"google.rpc.{name}")) for name in ("Status", "RetryInfo"))  # type: ignore[return-value]


STATUS, RETRY_INFO = _messages()


@pytest.mark.parametrize("message", ["", "full", "x" * 5000, "ünï"])
@pytest.mark.parametrize(("retry_after_s", "delay"), [(0.0, (0, 1_000_000)), (0.25, (0, 250_000_000)), (90, (90, 0))])
def test_the_details_hold_code_words_and_delay(message: str, retry_after_s: float, delay: tuple[int, int]) -> None:
    status = STATUS.FromString(retry_details(8, message, retry_after_s))
    assert (status.code, status.message) == (8, message)
    (detail,) = status.details
    assert detail.type_url == "type.googleapis.com/google.rpc.RetryInfo"
    retry = RETRY_INFO.FromString(detail.value)
    assert (retry.retry_delay.seconds, retry.retry_delay.nanos) == delay
