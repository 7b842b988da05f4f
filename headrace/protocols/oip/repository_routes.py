"""The model_repository extension over HTTP: index, load and unload."""

import base64
import binascii
from pathlib import PurePosixPath
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest
from headrace.protocols.http import json_response, read_json
from headrace.protocols.json_body import decode
from headrace.protocols.oip.front import Front
from headrace.types import VersionStatus


class _Index(msgspec.Struct):
    ready: bool | None = None


class _Load(msgspec.Struct):
    parameters: dict[str, str] | None = None


class _UnloadParameters(msgspec.Struct):
    unload_dependents: bool = False


class _Unload(msgspec.Struct):
    parameters: _UnloadParameters | None = None


_INDEX = msgspec.json.Decoder(_Index)
_LOAD = msgspec.json.Decoder(_Load)
_UNLOAD = msgspec.json.Decoder(_Unload)
_CONFIG = msgspec.json.Decoder(dict[str, Any])


class RepositoryRoutes:
    """Handlers that ask the repository to load and unload."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def routes(self) -> list[Route]:
        return [
            Route("/v2/repository/index", self.index, methods=["POST"]),
            Route("/v2/repository/models/{name}/load", self.load, methods=["POST"]),
            Route("/v2/repository/models/{name}/unload", self.unload, methods=["POST"]),
        ]

    async def index(self, request: Request) -> Response:
        """Every version known, or with `ready` only those that answer."""
        asked = await read_json(request, _INDEX, self._front.max_body_bytes)
        known = self._front.repository.index()
        return json_response([describe(status) for status in known if not asked.ready or status.state == "READY"])

    async def load(self, request: Request) -> Response:
        sent = await read_json(request, _LOAD, self._front.max_body_bytes)
        config, files = read_load(sent.parameters or {})
        await self._front.repository.load(request.path_params["name"], config, files)
        return Response()

    async def unload(self, request: Request) -> Response:
        """Answers once what ran is finished and the memory is given back; with `?wait=false`, at once."""
        sent = await read_json(request, _UNLOAD, self._front.max_body_bytes)
        dependents = sent.parameters is not None and sent.parameters.unload_dependents
        wait = read_wait(request.query_params.get("wait", "true"))
        await self._front.repository.unload(request.path_params["name"], dependents, wait)
        return Response()


def describe(status: VersionStatus) -> dict[str, str]:
    """A line of the index; a folder that has no version has none there."""
    line = {"name": status.name, "state": status.state}
    if status.version is not None:
        line["version"] = str(status.version)
    if status.reason:
        line["reason"] = status.reason
    return line


def read_load(parameters: dict[str, str]) -> tuple[dict[str, Any] | None, dict[str, bytes] | None]:
    """The configuration and the files of a load. Raises InvalidRequest for a path that leaves the model's folder."""
    config: dict[str, Any] | None = None
    files: dict[str, bytes] = {}
    for name, value in parameters.items():
        where = f"parameters.{name}"
        if name == "config":
            config = decode(_CONFIG, value.encode(), where)
        elif name.startswith("file:"):
            files[_path(name.removeprefix("file:"), where)] = _content(value, where)
        else:
            raise InvalidRequest("is not a parameter of load; they are config and file:<path>", where)
    return config, files or None


def read_wait(text: str) -> bool:
    """Whether a caller waits for the end. Raises InvalidRequest."""
    if text not in ("true", "false"):
        raise InvalidRequest(f"{text!r} is not true or false", "wait")
    return text == "true"


def _path(text: str, where: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in text or "\\" in text:
        raise InvalidRequest(f"{text!r} is not a path under the model's folder", where)
    return str(path)


def _content(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"not base64: {error}", where) from error
