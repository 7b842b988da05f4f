"""The model_repository extension over HTTP: index, load and unload."""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest
from headrace.protocols.beside import LONG_BYTES
from headrace.protocols.elements import check_elements
from headrace.protocols.http import json_response, read_body, read_json
from headrace.protocols.json_body import decode
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.load_config import read_config
from headrace.protocols.oip.upload_path import FILE, upload_path
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
_PIECE = 256 << 10  # characters of base64, of which each four are three bytes: a millisecond


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
        body = await read_body(request, self._front.max_body_bytes)
        if len(body) > LONG_BYTES:
            if FILE.encode() in body:
                self._front.repository.check_uploads()  # before it is decoded: all others would wait for that
            await asyncio.to_thread(check_elements, body)
        parameters = decode(_LOAD, body or b"{}").parameters or {}
        if paths := await asyncio.to_thread(_paths, parameters):
            self._front.repository.check_uploads(len(paths))
        config, files = await asyncio.to_thread(read_load, parameters)
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
    paths = _paths(parameters)
    for name, value in parameters.items():
        where = f"parameters.{name}"
        if name == "config":
            config = read_config(value, where)
        elif name.startswith(FILE):
            files[paths[name]] = _content(value, where)
        else:
            raise InvalidRequest("is not a parameter of load; they are config and file:<path>", where)
    return config, files or None


def read_wait(text: str) -> bool:
    """Whether a caller waits for the end. Raises InvalidRequest."""
    if text not in ("true", "false"):
        raise InvalidRequest(f"{text!r} is not true or false", "wait")
    return text == "true"


def _paths(parameters: Mapping[str, str]) -> dict[str, str]:
    """Where each file goes, by the name of its parameter. Raises InvalidRequest."""
    return {name: upload_path(name) for name in parameters if name.startswith(FILE)}


def _content(text: str, where: str) -> bytes:
    """A piece at a time: the decoder lets nobody else have the interpreter."""
    try:
        return b"".join([_decoded(text, at) for at in range(0, len(text), _PIECE)])
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"not base64: {error}", where) from error


def _decoded(text: str, at: int) -> bytes:
    """The piece that begins there. Raises ValueError, also where the one before it was said to be the last."""
    if at and text[at - 1] == "=":
        raise ValueError("padding before the end")
    return base64.b64decode(text[at : at + _PIECE], validate=True)
