"""What a measurement must know of a server before and after: its models, their inputs, its statistics."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message

from headrace.bench.address import Address
from headrace.bench.grpc_wire import GrpcWire, call_head, framed
from headrace.bench.http_wire import Fetched, HttpWire, words
from headrace.bench.infer_grpc import SERVICE
from headrace.bench.infer_http import model_path, request_head
from headrace.bench.phases import Reading, read_reasons, read_statistics
from headrace.generated import service_pb2 as pb
from headrace.types import TensorSpec


class Refused(Exception):
    """The server is there, and does not have what is asked for; the message says what it has."""


class Target(Protocol):
    """One model of one server."""

    async def inputs(self) -> list[TensorSpec]:
        """What the model takes. Raises Refused, or ConnectionError."""
        ...

    async def reading(self) -> Reading | None:
        """The server's counts now; None where it keeps none."""
        ...


class HttpTarget:
    """Over HTTP. With one that chats it is only looked at whether it is there: it has no inputs."""

    def __init__(
        self,
        wire: HttpWire,
        address: Address,
        model: str,
        version: str | None,
        headers: Mapping[str, str],
        chats: bool = False,
    ) -> None:
        self._wire = wire
        self._address = address
        self._model = model
        self._version = version
        self._headers = headers
        self._chats = chats

    async def inputs(self) -> list[TensorSpec]:
        if self._chats:
            await self._check_chat()
            return []
        answer = await self._ask("GET", model_path(self._model, self._version))
        if answer.status in (400, 404):
            raise Refused(f"{_reason(answer.body)}; {_choices(await self._names())}")
        _check(answer)
        said = _object(answer.body)
        try:
            return [TensorSpec(each["name"], each["datatype"], tuple(each["shape"])) for each in said["inputs"]]
        except (KeyError, TypeError) as error:
            raise Refused(f"the server's answer is not one of the Open Inference Protocol: {error!r}") from error

    async def _check_chat(self) -> None:
        answer = await self._ask("GET", f"/v1/models/{quote(self._model, safe='')}")
        if answer.status in (400, 404):
            listed = await self._ask("GET", "/v1/models")
            names = (
                [str(each.get("id")) for each in _object(listed.body).get("data", ())] if listed.status == 200 else []
            )
            if self._model not in names:
                raise Refused(f"{_reason(answer.body)}; {_choices(names)}")
            return
        _check(answer)

    async def reading(self) -> Reading | None:
        answer = await self._ask("GET", f"{model_path(self._model, self._version)}/stats")
        if answer.status != 200:
            return None
        page = await self._ask("GET", "/metrics")
        reasons = read_reasons(page.body.decode(errors="replace"), self._model) if page.status == 200 else {}
        return msgspec.structs.replace(read_statistics(_object(answer.body).get("model_stats", ())), reasons=reasons)

    async def _names(self) -> list[str]:
        answer = await self._ask("POST", "/v2/repository/index")
        if answer.status != 200:
            return []
        listed = msgspec.json.decode(answer.body)
        return _ready(listed if isinstance(listed, list) else [])

    async def _ask(self, method: str, path: str) -> Fetched:
        return await self._wire.fetch(request_head(self._address, method, path, self._headers, 0))


class GrpcTarget:
    """Over gRPC. Its metrics are on another port, so the reasons of batches are not known."""

    def __init__(
        self, wire: GrpcWire, address: Address, model: str, version: str | None, metadata: Mapping[str, str]
    ) -> None:
        self._wire = wire
        self._address = address
        self._model = model
        self._version = version or ""
        self._metadata = metadata

    async def inputs(self) -> list[TensorSpec]:
        code, note, answer = await self._ask(
            "ModelMetadata",
            pb.ModelMetadataRequest(name=self._model, version=self._version),
            pb.ModelMetadataResponse(),
        )
        if code in ("NOT_FOUND", "INVALID_ARGUMENT"):
            raise Refused(f"{note or code}; {_choices(await self._names())}")
        if code != "OK":
            raise Refused(f"the server answered {code}: {note}")
        return [TensorSpec(each.name, each.datatype, tuple(each.shape)) for each in answer.inputs]

    async def reading(self) -> Reading | None:
        asked = pb.ModelStatisticsRequest(name=self._model, version=self._version)
        code, _, answer = await self._ask("ModelStatistics", asked, pb.ModelStatisticsResponse())
        if code != "OK":
            return None
        said = MessageToDict(answer, preserving_proto_field_name=True)
        return read_statistics(said.get("model_stats", ()))

    async def _names(self) -> list[str]:
        code, _, answer = await self._ask("RepositoryIndex", pb.RepositoryIndexRequest(), pb.RepositoryIndexResponse())
        if code != "OK":
            return []
        return _ready([{"name": each.name, "state": each.state} for each in answer.models])

    async def _ask(self, method: str, asked: Message, answer: Any) -> tuple[str, str, Any]:
        head = call_head(self._address, SERVICE + method, self._metadata)
        called = await self._wire.call(head, framed(asked.SerializeToString()))
        try:
            answer.ParseFromString(called.message)
        except DecodeError as error:
            raise Refused(f"the server's answer to {method} is not one of the Open Inference Protocol") from error
        return called.code, called.note, answer


def _check(answer: Fetched) -> None:
    if answer.status != 200:
        raise Refused(f"the server answered {answer.status}: {_reason(answer.body)}")


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except msgspec.MsgspecError as error:
        raise Refused(f"the server's answer is not JSON: {words(body)[:80]}") from error
    if not isinstance(value, dict):
        raise Refused("the server's answer is not a JSON object")
    return value


def _reason(body: bytes) -> str:
    """The words of an error's body, of either API."""
    try:
        error = msgspec.json.decode(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error).removeprefix("model: ")
    except (msgspec.MsgspecError, KeyError, TypeError):
        return words(body) or "no reason given"


def _ready(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({str(each.get("name")) for each in entries if each.get("state") in ("READY", None, "")})


def _choices(names: Sequence[str]) -> str:
    return f"the server has {', '.join(names)}" if names else "the server has no such model ready"
