"""POST /api/embed, and the older /api/embeddings."""

import secrets

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import InvalidRequest
from headrace.generation import Embed, Embedded, LanguageFacts
from headrace.protocols.generation import answer_all, make_request
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.ollama.asking import begin
from headrace.protocols.ollama.fields import check_keep_alive, model_name
from headrace.protocols.ollama.options import Options, check_loading, context
from headrace.protocols.openai.embeddings import MAX_INPUTS, vectors_json
from headrace.protocols.ranges import in_range
from headrace.protocols.strict_body import Body, Reader
from headrace.types import ModelRef

_CHOOSING = {
    "seed",
    "num_predict",
    "top_k",
    "top_p",
    "min_p",
    "temperature",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "stop",
}


class EmbedBody(Body, frozen=True, kw_only=True):
    model: str
    input: str | list[str] | None = None  # null, and an empty text: none, as Ollama has it
    truncate: bool | None = None  # null: true
    dimensions: int | None = None
    options: Options | None = None
    keep_alive: float | str | None = None


class OldBody(Body, frozen=True, kw_only=True):
    model: str
    prompt: str | None = None
    options: Options | None = None
    keep_alive: float | str | None = None


read_embed = Reader(EmbedBody)
read_old = Reader(OldBody)


async def embed(front: Front, request: Request, now_s: float) -> Response:
    """One vector of length 1 for each input."""
    body = await read_embed.read(request, front.max_body_bytes)
    head = begin(front, body.model, now_s)
    ref, facts = await find_model(front, request, model_name(front.registry, body.model), "embed")
    _check(body.options, body.keep_alive, facts)
    given = body.input or ()
    inputs = (given,) if isinstance(given, str) else tuple(given)
    if len(inputs) > MAX_INPUTS:
        raise InvalidRequest(f"at most {MAX_INPUTS} inputs are taken, not {len(inputs)}", "input")
    for i, text in enumerate(inputs):
        if not text:
            raise InvalidRequest("must not be empty", f"input[{i}]")
    dimensions = in_range(body.dimensions, "dimensions", 1, facts.embedding)
    ask = Embed(inputs, dimensions, truncate=body.truncate is not False, listed=not isinstance(given, str))
    embedded = await _ask(front, request, ref, ask) if inputs else Embedded(b"", facts.embedding, 0)
    answer = {
        "model": body.model,
        "embeddings": vectors_json(embedded, as_base64=False),
        "total_duration": head.elapsed_ns(),
        "load_duration": 0,
        "prompt_eval_count": embedded.prompt_tokens,
    }
    return json_response(answer)


async def embeddings(front: Front, request: Request, now_s: float) -> Response:
    """The vector of a prompt, as long as the model made it; empty for none."""
    body = await read_old.read(request, front.max_body_bytes)
    ref, facts = await find_model(front, request, model_name(front.registry, body.model), "embed")
    _check(body.options, body.keep_alive, facts)
    if not body.prompt:
        return json_response({"embedding": []})
    ask = Embed((body.prompt,), normalize=False, truncate=True, where="prompt", listed=False)
    embedded = await _ask(front, request, ref, ask)
    (vector,) = vectors_json(embedded, as_base64=False)
    return json_response({"embedding": vector})


async def _ask(front: Front, request: Request, ref: ModelRef, ask: Embed) -> Embedded:
    asked = make_request(front, request, f"ollama-{secrets.token_hex(12)}", ref, ask)
    (embedded,) = await answer_all(front, [asked], request.receive, Embedded)
    return embedded


def _check(options: Options | None, keep_alive: float | str | None, facts: LanguageFacts) -> None:
    check_keep_alive(keep_alive)
    options = options or Options()
    check_loading(options)
    if context(options, facts) is not None:
        raise InvalidRequest(f"must be at least {facts.max_context}, the model's context", "options.num_ctx")
    for name, value in msgspec.structs.asdict(options).items():
        if value is not None and name in _CHOOSING:
            raise InvalidRequest("chooses tokens, of which an embedding has none; leave it out", f"options.{name}")
