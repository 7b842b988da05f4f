"""Triton's generate extension: POST /v2/models/{name}[/versions/{version}]/generate and /generate_stream."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headrace.errors import HeadraceError, InvalidRequest
from headrace.generation import Delta, Generated, LanguageFacts
from headrace.protocols.endpoint import Endpoint
from headrace.protocols.generation import generate_all, make_request, stream_all
from headrace.protocols.http import json_response
from headrace.protocols.http_error import http_error
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.generate_request import generate_ask, read_generate
from headrace.protocols.oip.model_version import read_model
from headrace.protocols.request_id import id_of
from headrace.protocols.sse import Streamed, event
from headrace.protocols.unread import meant, recorded
from headrace.types import ModelRef, ModelVersion


def routes(front: Front) -> list[BaseRoute]:
    """All of them, for `create_app`."""

    async def one(request: Request) -> Response:
        return await _generate(front, request, stream=False)

    async def stream(request: Request) -> Response:
        return await _generate(front, request, stream=True)

    bases = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
    ends = (("/generate", one), ("/generate_stream", stream))
    return [
        Route(base + end, Endpoint("POST", recorded(front, handle), http_error))
        for base in bases
        for end, handle in ends
    ]


async def _generate(front: Front, request: Request, stream: bool) -> Response:
    """One answer as JSON, or answers as events; a stream that was told not to stream is one event."""
    ref, facts = await _model(front, request)
    body = await read_generate.read(request, front.max_body_bytes)
    ask, priority = generate_ask(body, facts, stream)
    head = Head(ref.name, body.id)
    asked = make_request(front, request, body.id or id_of(request.scope), ref, ask, priority)
    if stream:
        return Streamed(stream_all(front, [asked], GenerateWriter(head, ask.n), head.answered_by))
    (generated,), spent = await generate_all(front, [asked], request.receive, head.answered_by)
    return json_response(answer_json(head.json, generated.deltas, ask.n), headers=spent)


async def _model(front: Front, request: Request) -> tuple[ModelRef, LanguageFacts]:
    """What is asked for, which version of that answers is found when it is; and what is known of it."""
    name = request.path_params["name"]
    ref = read_model(name, request.path_params.get("version", ""))
    meant(request, ref)
    facts = (await front.repository.know(ref)).signature.language
    if facts is None or "generate" not in facts.tasks:
        raise InvalidRequest(f"model {name!r} generates no text; ask its infer route", "model")
    return ref, facts


class Head:
    """What each answer to a request begins with: its `json`, whole once it is known which version answers."""

    def __init__(self, name: str, id_: str | None) -> None:
        self.json = {"model_name": name, "model_version": ""}
        if id_ is not None:
            self.json["id"] = id_

    def answered_by(self, version: ModelVersion) -> None:
        self.json["model_version"] = str(version.version)


def answer_json(head: dict[str, str], deltas: Sequence[Delta], n: int) -> dict[str, Any]:
    """An answer: a text, or where several choices were asked for one for each, empty where there is no news of it."""
    texts = [""] * n
    for delta in deltas:
        texts[delta.index] += delta.text
    return head | {"text_output": texts[0] if n == 1 else texts}


class GenerateWriter:
    """A streamed answer as events, each with what is new."""

    def __init__(self, head: Head, n: int) -> None:
        self._head = head
        self._n = n

    def news(self, which: int, generated: Generated) -> bytes:
        if not any(delta.text or delta.finish for delta in generated.deltas):
            return b""
        return event(answer_json(self._head.json, generated.deltas, self._n))

    def failed(self, error: HeadraceError) -> bytes:
        return event(msgspec.Raw(http_error(error).body))

    def end(self) -> bytes:
        return b""
