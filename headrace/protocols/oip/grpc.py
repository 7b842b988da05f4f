"""The Open Inference Protocol over gRPC: the server and its table of methods."""

from typing import Literal, Protocol

from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from headrace.errors import SettingInvalid
from headrace.generated import model_config_pb2, service_pb2
from headrace.generated import service_pb2 as pb
from headrace.protocols.bodies import Bodies
from headrace.protocols.grpc import server as native
from headrace.protocols.grpc.method import Method, Unary
from headrace.protocols.http2.limits import Limits
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.grpc_call import prompt, unary
from headrace.protocols.oip.grpc_control import Control
from headrace.protocols.oip.grpc_health import SERVICE as HEALTH
from headrace.protocols.oip.grpc_health import Health
from headrace.protocols.oip.grpc_infer import Infer
from headrace.protocols.oip.grpc_models import Models
from headrace.protocols.oip.grpc_reflection import SERVICE as REFLECTION
from headrace.protocols.oip.grpc_reflection import reflect
from headrace.protocols.oip.grpc_stream import stream
from headrace.protocols.tls import Tls

SERVICE = "inference.GRPCInferenceService"
UNLIMITED = -1

_MAX_STREAMS = 1024  # calls at a time on one connection
_PROTOBUF_MAX_BYTES = 2**31 - 1  # no message can be larger; also bounds what a compressed one may become


class Server(Protocol):
    """Serves a table of methods: the native one of `protocols/grpc`, or grpcio's core in `grpc_server.py`."""

    async def listen(self, host: str, port: int, tls: Tls | None = None) -> int:
        """Listen there; returns the port. Raises OSError where the address cannot be had, or the certificate read."""
        ...

    def drain(self) -> None:
        """Tell clients to go elsewhere with what they have yet to ask."""
        ...

    async def stop(self, grace: float | None) -> None:
        """Take no new calls; those under way have so many seconds, then they are cancelled."""
        ...


def create_server(
    front: Front,
    max_message_bytes: int = UNLIMITED,
    kind: Literal["native", "grpcio"] = "native",
    max_connections: int = 1024,
) -> Server:
    """The server, on the running event loop; the caller has it listen, and stops it.

    `max_message_bytes` is also the limit of a message once it is decompressed; `max_connections` is of the native
    server. To drain, wait for the gateway to drain first, then stop with a short grace: streams that are open and idle
    would use up a long one.
    """
    services: dict[str, dict[str, Method]] = {
        SERVICE: methods(front),
        HEALTH: Health(front).methods(),
        REFLECTION: reflect((SERVICE, HEALTH, REFLECTION), _reflected()),
    }
    table = {f"/{service}/{name}": method for service, own in services.items() for name, method in own.items()}
    if kind == "grpcio":
        from headrace.protocols.oip import grpc_server  # it starts threads, and takes its time

        return grpc_server.Server(table, _options(front, max_message_bytes))
    limits = Limits(max_streams=_MAX_STREAMS, max_header_bytes=front.max_header_bytes)
    bodies = Bodies(max(front.max_body_bytes, max_message_bytes))  # others than HTTP's, which each takes from nobody
    return native.Server(table, max_message_bytes, limits, front.beside, bodies, max_connections)


async def listen_at(server: Server, host: str, port: int, tls: Tls | None = None) -> str:
    """Start the server there; returns host:port, the port being the one that was given.

    Raises SettingInvalid where the address cannot be had.
    """
    where = f"[{host}]" if ":" in host else host
    try:
        given = await server.listen(host, port, tls)
    except OSError as error:
        raise SettingInvalid(f"cannot listen on {where} port {port}", "server.grpc_port") from error
    return f"{where}:{given}"


def methods(front: Front) -> dict[str, Method]:
    """Every method of the service by its name."""
    models, control, infer = Models(front), Control(front), Infer(front)
    return {
        "ServerLive": prompt(pb.ServerLiveRequest, models.server_live),
        "ServerReady": prompt(pb.ServerReadyRequest, models.server_ready),
        "ServerMetadata": prompt(pb.ServerMetadataRequest, models.server_metadata),
        "ModelReady": prompt(pb.ModelReadyRequest, models.model_ready),
        "ModelMetadata": unary(pb.ModelMetadataRequest, models.model_metadata),
        "ModelConfig": unary(pb.ModelConfigRequest, models.model_config),
        "ModelStatistics": prompt(pb.ModelStatisticsRequest, models.model_statistics),
        "ModelInfer": Unary(infer.infer, infer.again),
        "ModelStreamInfer": stream(front),
        "RepositoryIndex": unary(pb.RepositoryIndexRequest, control.repository_index),
        "RepositoryModelLoad": unary(pb.RepositoryModelLoadRequest, control.load, control.load_message),
        "RepositoryModelUnload": unary(pb.RepositoryModelUnloadRequest, control.unload),
        "SystemSharedMemoryStatus": unary(pb.SystemSharedMemoryStatusRequest, control.system_memory_status),
        "SystemSharedMemoryRegister": unary(pb.SystemSharedMemoryRegisterRequest, control.register_system_memory),
        "SystemSharedMemoryUnregister": unary(pb.SystemSharedMemoryUnregisterRequest, control.unregister_system_memory),
        "CudaSharedMemoryStatus": unary(pb.CudaSharedMemoryStatusRequest, control.cuda_memory_status),
        "CudaSharedMemoryRegister": unary(pb.CudaSharedMemoryRegisterRequest, control.register_cuda_memory),
        "CudaSharedMemoryUnregister": unary(pb.CudaSharedMemoryUnregisterRequest, control.unregister_cuda_memory),
        "TraceSetting": unary(pb.TraceSettingRequest, control.trace_setting),
        "LogSettings": unary(pb.LogSettingsRequest, control.log_settings),
    }


def _options(front: Front, max_message_bytes: int) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", _PROTOBUF_MAX_BYTES if max_message_bytes < 0 else max_message_bytes),
        ("grpc.max_send_message_length", UNLIMITED),
        ("grpc.max_metadata_size", front.max_header_bytes),
        ("grpc.absolute_max_metadata_size", front.max_header_bytes),  # else requests over the first fail at random
        ("grpc.max_concurrent_streams", _MAX_STREAMS),
        ("grpc.so_reuseport", 0),  # a second server on the same port is a mistake that should be seen
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 2),
    ]


def _reflected() -> DescriptorPool:
    """The files that reflection tells of, together in a pool of its own."""
    pool = DescriptorPool()
    for module in (model_config_pb2, service_pb2, health_pb2, reflection_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    return pool
