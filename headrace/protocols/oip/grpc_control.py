"""What gRPC clients change in the server: models loaded and unloaded, shared memory, trace and log settings."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from headrace.errors import InvalidRequest, Unsupported
from headrace.generated import service_pb2 as pb
from headrace.protocols.beside import LONG_BYTES
from headrace.protocols.grpc.method import Call
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.grpc_call import parse
from headrace.protocols.oip.load_config import read_config
from headrace.protocols.oip.shared_memory import NO_CUDA
from headrace.protocols.oip.upload_path import FILE, upload_path
from headrace.types import Buffer, ModelRef


class Control:
    """Methods that change the server through its front."""

    def __init__(self, front: Front) -> None:
        self._front = front

    # ---- the repository

    async def repository_index(self, message: pb.RepositoryIndexRequest, call: Call) -> pb.RepositoryIndexResponse:
        """Every version known, or with `ready` only those that answer."""
        response = pb.RepositoryIndexResponse()
        for status in self._front.repository.index():
            if not message.ready or status.state == "READY":
                version = "" if status.version is None else str(status.version)
                response.models.add(name=status.name, version=version, state=status.state, reason=status.reason)
        return response

    async def load_message(self, sent: Buffer) -> pb.RepositoryModelLoadRequest:
        """The message of a load, long where it carries files. Raises InvalidRequest, or Forbidden where it may not."""
        if len(sent) <= LONG_BYTES:
            return parse(pb.RepositoryModelLoadRequest, sent)
        self._front.repository.check_uploads()
        return await self._front.beside.understood(partial(parse, pb.RepositoryModelLoadRequest, sent))

    async def load(self, message: pb.RepositoryModelLoadRequest, call: Call) -> pb.RepositoryModelLoadResponse:
        config, files = await asyncio.to_thread(read_load, message.parameters)
        await self._front.repository.load(message.model_name, config, files)
        return pb.RepositoryModelLoadResponse()

    async def unload(self, message: pb.RepositoryModelUnloadRequest, call: Call) -> pb.RepositoryModelUnloadResponse:
        dependents = _is_said(message.parameters, "unload_dependents", default=False)
        wait = _is_said(message.parameters, "wait", default=True)
        await self._front.repository.unload(message.model_name, dependents, wait)
        return pb.RepositoryModelUnloadResponse()

    # ---- shared memory

    async def system_memory_status(
        self, message: pb.SystemSharedMemoryStatusRequest, call: Call
    ) -> pb.SystemSharedMemoryStatusResponse:
        response = pb.SystemSharedMemoryStatusResponse()
        for region in self._front.regions.status(message.name or None):
            status = response.regions[region.name]
            status.name, status.key = region.name, region.key
            status.offset, status.byte_size = region.offset, region.byte_size
        return response

    async def register_system_memory(
        self, message: pb.SystemSharedMemoryRegisterRequest, call: Call
    ) -> pb.SystemSharedMemoryRegisterResponse:
        self._front.regions.register(message.name, message.key, message.offset, message.byte_size)
        return pb.SystemSharedMemoryRegisterResponse()

    async def unregister_system_memory(
        self, message: pb.SystemSharedMemoryUnregisterRequest, call: Call
    ) -> pb.SystemSharedMemoryUnregisterResponse:
        self._front.regions.unregister(message.name or None)
        return pb.SystemSharedMemoryUnregisterResponse()

    async def cuda_memory_status(
        self, message: pb.CudaSharedMemoryStatusRequest, call: Call
    ) -> pb.CudaSharedMemoryStatusResponse:
        if message.name:
            raise Unsupported(NO_CUDA)
        return pb.CudaSharedMemoryStatusResponse()

    async def register_cuda_memory(
        self, message: pb.CudaSharedMemoryRegisterRequest, call: Call
    ) -> pb.CudaSharedMemoryRegisterResponse:
        raise Unsupported(NO_CUDA)

    async def unregister_cuda_memory(
        self, message: pb.CudaSharedMemoryUnregisterRequest, call: Call
    ) -> pb.CudaSharedMemoryUnregisterResponse:
        """As of system memory, one that is not there is no error."""
        return pb.CudaSharedMemoryUnregisterResponse()

    # ---- settings

    async def trace_setting(self, message: pb.TraceSettingRequest, call: Call) -> pb.TraceSettingResponse:
        """Of the server, or of a model; a setting sent without a value is cleared, and none sent changes nothing."""
        model = message.model_name or None
        if model is not None:
            self._front.registry.get(ModelRef(model))
        trace = self._front.settings.trace
        if message.settings:
            trace.update({name: list(said.value) for name, said in message.settings.items()}, model)
        response = pb.TraceSettingResponse()
        for name, values in trace.get(model).items():
            response.settings[name].value.extend(values)
        return response

    async def log_settings(self, message: pb.LogSettingsRequest, call: Call) -> pb.LogSettingsResponse:
        log = self._front.settings.log
        log.update({name: _log_value(name, said) for name, said in message.settings.items()})
        response = pb.LogSettingsResponse()
        for name, value in log.get().items():
            if isinstance(value, bool):
                response.settings[name].bool_param = value
            elif isinstance(value, int):
                response.settings[name].uint32_param = value
            else:
                response.settings[name].string_param = value
        return response


def read_load(
    parameters: Mapping[str, pb.ModelRepositoryParameter],
) -> tuple[dict[str, Any] | None, dict[str, bytes] | None]:
    """The configuration and the files of a load. Raises InvalidRequest."""
    config: dict[str, Any] | None = None
    files: dict[str, bytes] = {}
    for name, said in parameters.items():
        where, field = f"parameters.{name}", said.WhichOneof("parameter_choice")
        if name == "config":
            if field != "string_param":
                raise InvalidRequest("takes string_param, a model configuration as JSON", where)
            config = read_config(said.string_param, where)
        elif not name.startswith(FILE):
            raise InvalidRequest("is not a parameter of load; they are config and file:<path>", where)
        elif field == "bytes_param":
            files[upload_path(name)] = said.bytes_param
        else:
            raise InvalidRequest("takes bytes_param, the file's content", where)
    return config, files or None


def _is_said(parameters: Mapping[str, pb.ModelRepositoryParameter], name: str, *, default: bool) -> bool:
    if name not in parameters:
        return default
    said = parameters[name]
    if said.WhichOneof("parameter_choice") != "bool_param":
        raise InvalidRequest("takes bool_param", f"parameters.{name}")
    return said.bool_param


def _log_value(name: str, said: pb.LogSettingsRequest.SettingValue) -> bool | int | str:
    field = said.WhichOneof("parameter_choice")
    if field is None:
        raise InvalidRequest("has no value", f"settings.{name}")
    value: bool | int | str = getattr(said, field)
    return value
