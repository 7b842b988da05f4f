"""What gRPC clients ask about the server and its models: health, metadata, configuration, statistics."""

from collections.abc import Iterable

from google.protobuf import json_format

from headrace.errors import HeadraceError
from headrace.generated import service_pb2 as pb
from headrace.models.registry import Served
from headrace.protocols.grpc.method import Call
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.model_config import model_config
from headrace.protocols.oip.model_version import read_model
from headrace.types import TensorSpec

TensorMetadata = pb.ModelMetadataResponse.TensorMetadata


class Models:
    """Methods that read the server through its front."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def server_live(self, message: pb.ServerLiveRequest, call: Call) -> pb.ServerLiveResponse:
        return pb.ServerLiveResponse(live=True)

    def server_ready(self, message: pb.ServerReadyRequest, call: Call) -> pb.ServerReadyResponse:
        return pb.ServerReadyResponse(ready=self._front.ready())

    def server_metadata(self, message: pb.ServerMetadataRequest, call: Call) -> pb.ServerMetadataResponse:
        front = self._front
        return pb.ServerMetadataResponse(
            name=front.server_name, version=front.server_version, extensions=front.extensions
        )

    def model_ready(self, message: pb.ModelReadyRequest, call: Call) -> pb.ModelReadyResponse:
        """No error where the model is unknown: it is not ready, as Triton says it; nor is one that has failed."""
        try:
            self._front.registry.get_ready(read_model(message.name, message.version))
        except HeadraceError:
            return pb.ModelReadyResponse(ready=False)
        return pb.ModelReadyResponse(ready=True)

    async def model_metadata(self, message: pb.ModelMetadataRequest, call: Call) -> pb.ModelMetadataResponse:
        served = await self._known(message.name, message.version)
        name, signature = served.version.name, served.signature
        return pb.ModelMetadataResponse(
            name=name,
            versions=map(str, self._front.registry.versions(name)),
            platform=signature.platform,
            inputs=_describe(signature.inputs),
            outputs=_describe(signature.outputs),
        )

    async def model_config(self, message: pb.ModelConfigRequest, call: Call) -> pb.ModelConfigResponse:
        return pb.ModelConfigResponse(config=model_config(await self._known(message.name, message.version)))

    def model_statistics(self, message: pb.ModelStatisticsRequest, call: Call) -> pb.ModelStatisticsResponse:
        """Of a version, of all versions of a model, or of all models."""
        name = version = None
        if message.name:
            ref = read_model(message.name, message.version)
            served = self._front.registry.get(ref)
            name, version = ref.name, served.version.version if ref.label else ref.version
        report = {"model_stats": self._front.statistics(name, version)}
        return json_format.ParseDict(report, pb.ModelStatisticsResponse(), ignore_unknown_fields=True)

    async def _known(self, name: str, version: str) -> Served:
        """The version, once it is known what it takes and gives."""
        return await self._front.repository.know(read_model(name, version))


def _describe(specs: Iterable[TensorSpec]) -> list[TensorMetadata]:
    return [TensorMetadata(name=spec.name, datatype=spec.datatype, shape=spec.shape) for spec in specs]
