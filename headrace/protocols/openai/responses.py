"""POST /v1/responses and /v1/responses/input_tokens."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from headrace.generation import Generated, Sampling, Tokenize, Tokenized
from headrace.protocols.generation import answer_all, generate_all, make_request, stream_all
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model
from headrace.protocols.limits import read_headers
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.response_items import Items, read_items
from headrace.protocols.openai.response_request import ResponseBody, read_input_tokens, read_response, response_ask
from headrace.protocols.openai.response_store import ResponseStore, Running, Stored
from headrace.protocols.openai.response_tools import read_tools
from headrace.protocols.openai.response_writer import ResponseWriter
from headrace.protocols.sse import Pipe, Streamed
from headrace.protocols.strict_body import refuse_unless_absent
from headrace.servable import Cancel
from headrace.types import Request

LEFT_OUT_HEADER = "headrace-left-out"
"""The header that names the kinds of tools which the model was not told of."""


async def responses(front: Front, store: ResponseStore, request: HttpRequest, now_s: Callable[[], float]) -> Response:
    """Answer whole, or as events; kept unless `store` is false. `now_s` is Unix time."""
    created_s = now_s()
    body = await read_response.read(request, front.max_body_bytes)
    ref, facts = await find_model(front, request, body.model, "generate")
    tenant = read_headers(request.headers.raw).tenant
    items = _conversation(body, store, tenant)
    tools = read_tools(body.tools, body.tool_choice, body.parallel_tool_calls)
    ask = response_ask(body, items, tools, facts)
    id_ = f"resp_{secrets.token_hex(12)}"

    is_kept = body.store is not False

    def ended(response: Mapping[str, Any]) -> None:
        if is_kept:
            store.put(Stored(response, items, tenant))

    summarised = body.reasoning is not None and body.reasoning.summarised
    head = head_json(body, tools.told, ask.sampling, id_, body.model or ref.name, created_s)
    writer = ResponseWriter(head, ended, now_s, summarised, tools.names)
    asked = make_request(front, request, id_, ref, ask)
    left_out = {LEFT_OUT_HEADER: ", ".join(tools.left_out)} if tools.left_out else {}
    if ask.stream:
        return Streamed(_stream(front, store, asked, writer), headers=left_out)
    (generated,), spent = await generate_all(front, [asked], request.receive)
    return json_response(_whole(writer, generated), headers=spent | left_out)


async def input_tokens(front: Front, store: ResponseStore, request: HttpRequest) -> Response:
    """How many tokens the same body has the model read, what it goes on from and its tools included."""
    body = await read_input_tokens.read(request, front.max_body_bytes)
    refuse_unless_absent({"personality": (body.personality, "is not offered; say in instructions how to answer")})
    ref, facts = await find_model(front, request, body.model, "generate")
    items = _conversation(body, store, read_headers(request.headers.raw).tenant)
    tools = read_tools(body.tools, body.tool_choice, body.parallel_tool_calls)
    ask = Tokenize(response_ask(body, items, tools, facts).prompt)
    asked = make_request(front, request, f"count_{secrets.token_hex(12)}", ref, ask)
    (tokenized,) = await answer_all(front, [asked], request.receive, Tokenized)
    return json_response({"object": "response.input_tokens", "input_tokens": len(tokenized.token_ids)})


def _conversation(body: ResponseBody, store: ResponseStore, tenant: str) -> Items:
    """The items before this response, which all have been answered, and its own."""
    own = read_items(body.input or (), lambda id_, where: store.item(id_, tenant, where))
    if body.previous_response_id is None:
        return own
    return (*store.get(body.previous_response_id, tenant, "previous_response_id").conversation, *own)


def _whole(writer: ResponseWriter, generated: Generated) -> Mapping[str, Any]:
    """What the events of one answer come to."""
    writer.news(0, generated)
    writer.end()
    return writer.last


def _stream(front: Front, store: ResponseStore, asked: Request, writer: ResponseWriter) -> Callable[[Pipe], Cancel]:
    """What starts a request whose stream can be ended by its id, which the first event tells."""
    begin = stream_all(front, [asked], writer)

    def start(pipe: Pipe) -> Cancel:
        cancel = begin(pipe)

        def stop() -> Mapping[str, Any]:
            pipe.write(writer.cancelled())
            pipe.end()
            done()
            return writer.last

        def done() -> None:
            store.running.pop(asked.id, None)
            cancel()

        if not pipe.over:
            store.running[asked.id] = Running(writer.response, stop, writer.forget, asked.context.tenant)
        return done

    return start


def head_json(
    body: ResponseBody, tools: Sequence[Mapping[str, Any]], sampling: Sampling, id_: str, model: str, now_s: float
) -> dict[str, Any]:
    """All of a response that is known before it is made: mostly what was asked; `sampling` is what that comes to, and
    `tools` those of them that are offered."""
    text, reasoning = body.text, body.reasoning
    format_ = text.format if text and text.format else None
    return {
        "id": id_,
        "object": "response",
        "created_at": int(now_s),
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": None,
        "model": model,
        "output": [],
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": body.previous_response_id,
        "prompt_cache_key": body.prompt_cache_key,
        "reasoning": {
            "effort": reasoning.effort if reasoning else None,
            "summary": (reasoning.summary or reasoning.generate_summary) if reasoning else None,
        },
        "safety_identifier": body.safety_identifier,
        "service_tier": "default",
        "store": body.store is not False,
        "temperature": sampling.temperature,
        "text": {"format": _said(format_) if format_ else {"type": "text"}, "verbosity": "medium"},
        "tool_choice": body.tool_choice if isinstance(body.tool_choice, str) else _said(body.tool_choice) or "auto",
        "tools": tools,
        "top_logprobs": body.top_logprobs or 0,
        "top_p": sampling.top_p,
        "truncation": "disabled",
        "usage": None,
        "user": body.user,
        "metadata": body.metadata or {},
    }


def _said(value: msgspec.Struct | None) -> dict[str, Any]:
    """The fields of an object that were given, as they were."""
    built: dict[str, Any] = {} if value is None else msgspec.to_builtins(value)
    return {name: _without_nulls(each) for name, each in built.items() if each is not None}


def _without_nulls(value: Any) -> Any:
    """Of the tools that a choice is limited to; a schema keeps its own."""
    named = isinstance(value, list) and all(isinstance(each, dict) for each in value)
    return [{k: v for k, v in each.items() if v is not None} for each in value] if named else value
