"""The routes of the OpenAI API, and those of its neighbours that its clients ask too."""

import time
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headrace.protocols.endpoint import Elsewhere, Endpoint, Handle
from headrace.protocols.http import json_response
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.chat import chat
from headrace.protocols.openai.completions import completions
from headrace.protocols.openai.embeddings import embeddings
from headrace.protocols.openai.errors import openai_error
from headrace.protocols.openai.models import model, models
from headrace.protocols.openai.rerank import rerank
from headrace.protocols.openai.response_routes import cancel, delete, input_items, retrieve
from headrace.protocols.openai.response_store import ResponseStore
from headrace.protocols.openai.responses import input_tokens, responses
from headrace.protocols.openai.tokens import detokenize, tokenize
from headrace.protocols.unread import recorded

Timed = Callable[[Front, Request, float], Awaitable[Response]]


def routes(front: Front, now_s: Callable[[], float] = time.time) -> list[BaseRoute]:
    """All of them, for `create_app`; `now_s` is Unix time."""
    started_s = now_s()
    store = ResponseStore()

    def timed(handle: Timed) -> Handle:
        return lambda request: handle(front, request, now_s())

    async def version(request: Request) -> Response:
        return json_response({"version": front.server_version})

    asks: dict[str, Handle] = {
        "/v1/chat/completions": timed(chat),
        "/v1/completions": timed(completions),
        "/v1/responses": lambda request: responses(front, store, request, now_s),
        "/v1/responses/input_tokens": partial(input_tokens, front, store),
        "/v1/embeddings": partial(embeddings, front),
        "/tokenize": partial(tokenize, front),
        "/detokenize": partial(detokenize, front),
        "/rerank": partial(rerank, front),
        "/v1/rerank": partial(rerank, front),
        "/v2/rerank": partial(rerank, front),
    }
    gets: dict[str, Handle] = {
        "/v1/models": lambda request: models(front, request, started_s),
        "/v1/models/{id:path}": lambda request: model(front, request, started_s),
        "/v1/responses/{id}/input_items": partial(input_items, store),
        "/version": version,
    }
    kept = Endpoint("GET", partial(retrieve, store), openai_error, {"DELETE": partial(delete, store)})
    return [
        *(Route(path, Endpoint("POST", recorded(front, handle), openai_error)) for path, handle in asks.items()),
        *(Route(path, Endpoint("GET", handle, openai_error)) for path, handle in gets.items()),
        Route("/v1/responses/{id}/cancel", Endpoint("POST", partial(cancel, store), openai_error)),
        Route("/v1/responses/{id}", kept),
        Elsewhere("/v1/", openai_error),
    ]
