"""The messages keep out of the way of a client's own messages of the same names, and match them byte for byte."""

import subprocess
import sys
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from tritonclient.grpc import model_config_pb2 as triton_config
from tritonclient.grpc import service_pb2 as triton_service

from headrace.generated import model_config_pb2, service_pb2

OURS = "from headrace.generated import service_pb2, model_config_pb2"
THEIRS = "from tritonclient.grpc import service_pb2, model_config_pb2"
MLSERVERS = ("ModelMetadataResponse", "ModelMetadataResponse.TensorMetadata")
"""Where MLServer has `parameters` that Triton has not; clients that do not know them skip them."""

Fields = dict[tuple[str, str], tuple[int, int, int, str]]


@pytest.mark.parametrize("order", [(OURS, THEIRS), (THEIRS, OURS)])
def test_ours_and_a_clients_messages_are_imported_in_either_order(order: tuple[str, str]) -> None:
    subprocess.run([sys.executable, "-c", "\n".join(order)], check=True)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (model_config_pb2.DESCRIPTOR, triton_config.DESCRIPTOR),
        (service_pb2.DESCRIPTOR, triton_service.DESCRIPTOR),
    ],
)
def test_every_field_has_the_number_and_type_that_tritons_client_knows(ours: Any, theirs: Any) -> None:
    mine, known = fields(ours), fields(theirs)
    added = {name for name in mine if name[0].removesuffix(".ParametersEntry") in MLSERVERS}
    assert {name: field for name, field in mine.items() if name in known} == known
    assert mine.keys() - known.keys() <= added


def test_every_method_is_the_one_that_tritons_client_calls() -> None:
    ours, theirs = (
        {
            method.name: (method.input_type.name, method.output_type.name, method.client_streaming)
            for method in service.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods
        }
        for service in (service_pb2, triton_service)
    )
    assert ours == theirs


def fields(file: FileDescriptor) -> Fields:
    """Each field and enum value by message and name."""
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)
    found: Fields = {}
    for message in proto.message_type:
        collect("", message, found)
    for enum in proto.enum_type:
        found.update({(enum.name, value.name): (value.number, 0, 0, "") for value in enum.value})
    return found


def collect(scope: str, message: descriptor_pb2.DescriptorProto, found: Fields) -> None:
    name = f"{scope}{message.name}"
    for field in message.field:
        found[name, field.name] = field.number, field.type, field.label, field.type_name
    for enum in message.enum_type:
        found.update({(f"{name}.{enum.name}", value.name): (value.number, 0, 0, "") for value in enum.value})
    for nested in message.nested_type:
        collect(f"{name}.", nested, found)
