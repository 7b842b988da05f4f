"""Asks a model and answers as the dialect does: whole, or a line a piece."""

import secrets

from starlette.requests import Request
from starlette.responses import Response

from headrace.generation import Generate
from headrace.protocols.generation import generate_all, make_request, stream_all
from headrace.protocols.http import json_response
from headrace.protocols.oip.front import Front
from headrace.protocols.ollama.answers import Head, LineWriter, Wrap, whole, written
from headrace.protocols.sse import Streamed
from headrace.types import ModelRef


def begin(front: Front, model: str, now_s: float) -> Head:
    """The head of an answer; its clock runs from now."""
    arrived_ns = front.clock.now_ns()
    return Head(model, written(now_s), lambda: front.clock.now_ns() - arrived_ns)


async def answer(front: Front, request: Request, head: Head, ref: ModelRef, ask: Generate, wrap: Wrap) -> Response:
    """The answer to a request, or the start of it."""
    asked = make_request(front, request, f"ollama-{secrets.token_hex(12)}", ref, ask)
    if ask.stream:
        return Streamed(stream_all(front, [asked], LineWriter(head, wrap)), "application/x-ndjson")
    (generated,), spent = await generate_all(front, [asked], request.receive)
    return json_response(whole(head, wrap, generated), headers=spent)
