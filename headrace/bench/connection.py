"""A server to be measured, whatever it speaks: its wire, its requests and what it says of itself, made together."""

import ssl
from collections.abc import Mapping, Sequence

import msgspec

from headrace.bench.address import Address, Protocol
from headrace.bench.chat import Asked, ChatSource, chat_sink
from headrace.bench.grpc_wire import GrpcWire, call_head
from headrace.bench.http_wire import HttpWire
from headrace.bench.infer_grpc import SERVICE, infer_message
from headrace.bench.infer_http import infer_request, model_path
from headrace.bench.infer_source import Encode, InferSource
from headrace.bench.target import GrpcTarget, HttpTarget, Target
from headrace.bench.wire import Source, Wire
from headrace.clock import Clock
from headrace.types import Tensor, TensorSpec

GRPC_CONNECTIONS = 16


class Asking(msgspec.Struct, frozen=True):
    """What is asked of whom, and how."""

    address: Address
    protocol: Protocol
    model: str
    version: str | None = None
    headers: Mapping[str, str] = {}
    tenant: str = ""
    output_tokens: int = 64
    ignore_eos: bool = True
    connections: int = 512
    tls: ssl.SSLContext | None = None  # else whom the system trusts


class Server:
    """Both ends of a measurement. Close it."""

    def __init__(self, asking: Asking, clock: Clock) -> None:
        self._asking = asking
        address, protocol = asking.address, asking.protocol
        self.target: Target
        self.wire: Wire
        if protocol == "grpc":
            grpc = GrpcWire(address, min(asking.connections, GRPC_CONNECTIONS), asking.tls)
            self.wire = grpc
            self.target = GrpcTarget(grpc, address, asking.model, asking.version, asking.headers)
        else:
            sink = chat_sink(clock.now_ns) if protocol == "chat" else None
            http = HttpWire(address, asking.connections, sink, asking.tls)
            self.wire = http
            self.target = HttpTarget(http, address, asking.model, asking.version, asking.headers, protocol == "chat")

    async def inputs(self) -> list[TensorSpec]:
        """What the model takes; nothing where it chats. Raises Refused or ConnectionError."""
        return await self.target.inputs()

    def source(self, specs: Sequence[TensorSpec], given: Sequence[Tensor], seed: int) -> Source:
        """What makes the requests."""
        asking = self._asking
        if asking.protocol == "chat":
            asked = Asked(asking.model, asking.output_tokens, asking.ignore_eos)
            return ChatSource(asked, asking.address, asking.headers, tenant=asking.tenant, seed=seed)
        encode = self._encode_grpc() if asking.protocol == "grpc" else self._encode_http()
        return InferSource(specs, encode, tenant=asking.tenant, seed=seed, given=given)

    async def close(self) -> None:
        await self.wire.close()

    def _encode_http(self) -> Encode:
        asking = self._asking
        path = model_path(asking.model, asking.version)

        def encode(tensors: Sequence[Tensor], tenant: str) -> tuple[bytes, bytes]:
            return infer_request(asking.address, path, tensors, _with_tenant(asking.headers, tenant)), b""

        return encode

    def _encode_grpc(self) -> Encode:
        asking = self._asking

        def encode(tensors: Sequence[Tensor], tenant: str) -> tuple[bytes, bytes]:
            head = call_head(asking.address, f"{SERVICE}ModelInfer", _with_tenant(asking.headers, tenant))
            return head, infer_message(asking.model, asking.version, tensors)

        return encode


def _with_tenant(headers: Mapping[str, str], tenant: str) -> dict[str, str]:
    return {"x-tenant": tenant, **headers} if tenant else dict(headers)
