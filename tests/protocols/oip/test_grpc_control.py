"""What clients change in the server, on a real connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from headrace.errors import InvalidRequest
from headrace.generated import service_pb2 as pb
from headrace.protocols.beside import LONG_BYTES
from headrace.protocols.oip.grpc_control import read_load
from tests.protocols.oip.grpc_server import Client, Kind, infer_message, serving
from tests.protocols.oip.stub import Stub

Parameter = pb.ModelRepositoryParameter
TRACE_VALUE = pb.TraceSettingRequest.SettingValue
LOG_VALUE = pb.LogSettingsRequest.SettingValue


@asynccontextmanager
async def server(kind: Kind, **options: Any) -> AsyncIterator[tuple[Stub, Client]]:
    stub = Stub(**options)
    try:
        async with serving(stub, kind) as client:
            yield stub, client
    finally:
        stub.front.regions.close()


async def test_the_index_tells_state_and_reason(kind: Kind) -> None:
    async with server(kind) as (_, client):
        models = (await client.call("RepositoryIndex")).models
    told = {(model.name, model.version): (model.state, model.reason) for model in models}
    assert told["add_sub", "2"] == ("READY", "")
    assert told["broken", ""] == ("UNAVAILABLE", "the folder holds no model file")


async def test_the_index_of_what_is_ready_leaves_out_the_rest(kind: Kind) -> None:
    async with server(kind) as (_, client):
        models = (await client.call("RepositoryIndex", pb.RepositoryIndexRequest(ready=True))).models
    assert {model.state for model in models} == {"READY"}


async def test_a_model_is_loaded_with_the_configuration_that_is_sent(kind: Kind) -> None:
    config = Parameter(string_param='{"max_batch_size": 4}')
    async with server(kind) as (stub, client):
        message = pb.RepositoryModelLoadRequest(model_name="add_sub", parameters={"config": config})
        await client.call("RepositoryModelLoad", message)
    assert stub.repository.calls == [("load", "add_sub", {"max_batch_size": 4})]


async def test_uploads_are_refused_where_the_repository_refuses_them(kind: Kind) -> None:
    file = {"file:1/model.onnx": Parameter(bytes_param=b"x")}
    async with server(kind) as (_, client):
        message = pb.RepositoryModelLoadRequest(model_name="add_sub", parameters=file)
        refused = await client.refusal("RepositoryModelLoad", message)
    assert refused.code == grpc.StatusCode.PERMISSION_DENIED
    assert "models.uploads" in refused.details


async def test_a_long_load_is_refused_unread_where_it_may_carry_no_files(kind: Kind) -> None:
    async with server(kind) as (_, client):
        refused = await client.refusal("RepositoryModelLoad", b"\xff" * (LONG_BYTES + 1))
    assert refused.code == grpc.StatusCode.PERMISSION_DENIED


async def test_a_long_file_reaches_the_repository(kind: Kind) -> None:
    content = bytes(LONG_BYTES + 1)
    async with server(kind) as (stub, client):
        stub.repository.allows_uploads = True
        file = {"file:1/model.onnx": Parameter(bytes_param=content)}
        message = pb.RepositoryModelLoadRequest(model_name="add_sub", parameters=file)
        await client.call("RepositoryModelLoad", message)
    assert stub.repository.calls == [("load", "add_sub", None, {"1/model.onnx": content})]


@pytest.mark.parametrize("method", ["ServerLive", "ModelReady", "ModelMetadata", "TraceSetting"])
async def test_a_message_that_holds_no_tensors_may_not_be_long(kind: Kind, method: str) -> None:
    async with server(kind) as (_, client):
        refused = await client.refusal(method, b"\x78\x01" * LONG_BYTES)
    assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert f"more than an inference.{method}Request message may have: {LONG_BYTES}" in refused.details


@pytest.mark.parametrize("dependents", [False, True])
async def test_a_model_is_unloaded(kind: Kind, dependents: bool) -> None:
    parameters = {"unload_dependents": Parameter(bool_param=True)} if dependents else {}
    async with server(kind) as (stub, client):
        message = pb.RepositoryModelUnloadRequest(model_name="add_sub", parameters=parameters)
        await client.call("RepositoryModelUnload", message)
    assert stub.repository.calls == [("unload", "add_sub", dependents)]


async def test_an_unload_need_not_be_waited_for(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        message = pb.RepositoryModelUnloadRequest(
            model_name="add_sub", parameters={"wait": Parameter(bool_param=False)}
        )
        await client.call("RepositoryModelUnload", message)
    assert stub.repository.calls == [("unload", "add_sub", False, "at once")]


async def test_a_parameter_of_unload_has_its_type(kind: Kind) -> None:
    parameters = {"unload_dependents": Parameter(string_param="true")}
    async with server(kind) as (_, client):
        message = pb.RepositoryModelUnloadRequest(model_name="add_sub", parameters=parameters)
        refused = await client.refusal("RepositoryModelUnload", message)
    assert refused[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "parameters.unload_dependents: takes bool_param")


def test_files_of_a_load_are_read_by_path() -> None:
    sent = {"file:1/model.onnx": Parameter(bytes_param=b"x")}
    assert read_load(sent) == (None, {"1/model.onnx": b"x"})


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"config": Parameter(string_param="{")}, "parameters.config: "),
        ({"config": Parameter(string_param="[" * 100_000)}, "parameters.config: "),
        ({"config": Parameter(string_param="[]")}, "parameters.config: "),
        ({"config": Parameter(bytes_param=b"{}")}, "parameters.config: takes string_param"),
        ({"file:m": Parameter(string_param="x")}, "parameters.file:m: takes bytes_param"),
        ({"file:../m": Parameter(bytes_param=b"x")}, "parameters.file:../m: '../m' is not a path under the model's"),
        ({"color": Parameter(string_param="x")}, "parameters.color: is not a parameter of load"),
    ],
)
def test_a_load_that_is_not_right_says_where(sent: dict[str, Parameter], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_load(sent)
    assert str(refused.value).startswith(said)


async def test_a_region_is_registered_told_used_and_forgotten(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(64))
    register = pb.SystemSharedMemoryRegisterRequest(name="r", key="/file", offset=8, byte_size=32)
    message = infer_message()
    message.ClearField("raw_input_contents")
    message.outputs.add(name="OUTPUT")
    for tensor in (message.inputs[0], message.outputs[0]):
        tensor.parameters["shared_memory_region"].string_param = "r"
        tensor.parameters["shared_memory_byte_size"].int64_param = 12
    async with server(kind, folder=tmp_path) as (_, client):
        await client.call("SystemSharedMemoryRegister", register)
        told = (await client.call("SystemSharedMemoryStatus")).regions["r"]
        answer = await client.call("ModelInfer", message)
        await client.call("SystemSharedMemoryUnregister")
        assert not (await client.call("SystemSharedMemoryStatus")).regions
    assert (told.name, told.key, told.offset, told.byte_size) == ("r", "/file", 8, 32)
    assert answer.outputs[0].parameters["shared_memory_region"].string_param == "r"
    assert list(answer.raw_output_contents) == [b""]


async def test_shared_memory_is_refused_where_it_is_off(kind: Kind) -> None:
    async with server(kind, shared_memory=False) as (_, client):
        refused = await client.refusal("SystemSharedMemoryStatus")
    assert refused.code == grpc.StatusCode.PERMISSION_DENIED
    assert "protocols.oip.shared_memory" in refused.details


async def test_a_region_that_is_not_there_is_not_found(kind: Kind) -> None:
    async with server(kind) as (_, client):
        refused = await client.refusal("SystemSharedMemoryStatus", pb.SystemSharedMemoryStatusRequest(name="nothing"))
    assert refused.code == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("call", ["Status", "Register"])
async def test_cuda_memory_is_not_offered_and_says_why(kind: Kind, call: str) -> None:
    message = getattr(pb, f"CudaSharedMemory{call}Request")(name="r")
    async with server(kind) as (_, client):
        refused = await client.refusal(f"CudaSharedMemory{call}", message)
    assert refused.code == grpc.StatusCode.UNIMPLEMENTED
    assert "computes on the CPU" in refused.details


async def test_there_is_no_cuda_memory_to_tell_of_or_to_forget(kind: Kind) -> None:
    async with server(kind) as (_, client):
        assert not (await client.call("CudaSharedMemoryStatus")).regions
        assert await client.call("CudaSharedMemoryUnregister") is not None


async def test_trace_settings_are_kept_and_cleared(kind: Kind) -> None:
    change = pb.TraceSettingRequest(settings={"trace_rate": TRACE_VALUE(value=["5"])})
    clear = pb.TraceSettingRequest(settings={"trace_rate": TRACE_VALUE()})
    async with server(kind) as (_, client):
        changed = (await client.call("TraceSetting", change)).settings["trace_rate"].value
        kept = (await client.call("TraceSetting")).settings["trace_rate"].value
        cleared = (await client.call("TraceSetting", clear)).settings["trace_rate"].value
    assert (list(changed), list(kept), list(cleared)) == (["5"], ["5"], ["1000"])


async def test_trace_settings_of_an_unknown_model_are_not_found(kind: Kind) -> None:
    async with server(kind) as (_, client):
        refused = await client.refusal("TraceSetting", pb.TraceSettingRequest(model_name="nothing"))
    assert refused.code == grpc.StatusCode.NOT_FOUND


async def test_log_settings_are_kept_each_in_the_field_of_its_type(kind: Kind) -> None:
    change = pb.LogSettingsRequest(
        settings={
            "log_info": LOG_VALUE(bool_param=False),
            "log_verbose_level": LOG_VALUE(uint32_param=2),
            "log_format": LOG_VALUE(string_param="ISO8601"),
        }
    )
    async with server(kind) as (_, client):
        await client.call("LogSettings", change)
        settings = (await client.call("LogSettings")).settings
    assert {name: value.WhichOneof("parameter_choice") for name, value in settings.items()} == {
        "log_file": "string_param",
        "log_info": "bool_param",
        "log_warning": "bool_param",
        "log_error": "bool_param",
        "log_verbose_level": "uint32_param",
        "log_format": "string_param",
    }
    assert (settings["log_info"].bool_param, settings["log_verbose_level"].uint32_param) == (False, 2)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (LOG_VALUE(), "settings.log_info: has no value"),
        (LOG_VALUE(string_param="x"), "log_info: 'x' is neither true nor false"),
    ],
)
async def test_a_log_setting_that_is_not_right_is_refused(kind: Kind, value: LOG_VALUE, said: str) -> None:
    async with server(kind) as (_, client):
        refused = await client.refusal("LogSettings", pb.LogSettingsRequest(settings={"log_info": value}))
    assert refused[:2] == (grpc.StatusCode.INVALID_ARGUMENT, said)
