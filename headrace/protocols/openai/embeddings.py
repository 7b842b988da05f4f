"""POST /v1/embeddings."""

import base64
from typing import Any, Literal

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import InvalidRequest
from headrace.generation import Embed, Embedded, LanguageFacts
from headrace.protocols.generation import answer_all, make_request
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.pieces import new_id
from headrace.protocols.openai.token_inputs import Input, read_inputs
from headrace.protocols.ranges import in_range
from headrace.protocols.strict_body import Body, Reader

MAX_INPUTS = 2048


class EmbeddingBody(Body, frozen=True, kw_only=True):
    model: str | None = None
    input: Input
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None
    # vLLM's
    truncate_prompt_tokens: int | None = None
    normalize: bool | None = None
    priority: int | None = None
    request_id: str | None = None


read_embedding = Reader(EmbeddingBody)


async def embeddings(front: Front, request: Request) -> Response:
    """One vector for each input, as numbers or as base64 of little-endian float32."""
    body = await read_embedding.read(request, front.max_body_bytes)
    ref, facts = await find_model(front, request, body.model, "embed")
    id_ = new_id("embd", body.request_id)
    asked = make_request(front, request, id_, ref, embedding_ask(body, facts), in_range(body.priority, "priority", 0))
    (embedded,) = await answer_all(front, [asked], request.receive, Embedded)
    answer = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": i, "embedding": vector}
            for i, vector in enumerate(vectors_json(embedded, as_base64=body.encoding_format == "base64"))
        ],
        "model": body.model or ref.name,
        "usage": {"prompt_tokens": embedded.prompt_tokens, "total_tokens": embedded.prompt_tokens},
    }
    return json_response(answer)


def embedding_ask(body: EmbeddingBody, facts: LanguageFacts) -> Embed:
    """What a body asks. Raises InvalidRequest with the path of the field that is wrong."""
    if body.truncate_prompt_tokens not in (None, -1):
        raise InvalidRequest("must be -1: as many as the model reads", "truncate_prompt_tokens")
    inputs = read_inputs(body.input, facts.vocabulary, "input", MAX_INPUTS)
    for given, where in inputs:
        if not given:
            raise InvalidRequest("must not be empty", where)
    return Embed(
        tuple(given for given, _ in inputs),
        in_range(body.dimensions, "dimensions", 1, facts.embedding),
        normalize=body.normalize is not False,
        truncate=body.truncate_prompt_tokens == -1,
        listed=inputs[0][1] != "input",
    )


def vectors_json(embedded: Embedded, as_base64: bool) -> list[Any]:
    """Each vector in the form asked for."""
    size = embedded.dimensions * 4
    parts = [embedded.vectors[at : at + size] for at in range(0, len(embedded.vectors), size)]
    if as_base64:
        return [base64.b64encode(part).decode() for part in parts]
    return [np.frombuffer(part, "<f4").tolist() for part in parts]
