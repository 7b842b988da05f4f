"""The routes of the Ollama API."""

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headrace.errors import Unsupported
from headrace.protocols.endpoint import Endpoint, Handle
from headrace.protocols.http import json_response
from headrace.protocols.oip.front import Front
from headrace.protocols.ollama.chat import chat
from headrace.protocols.ollama.embed import embed, embeddings
from headrace.protocols.ollama.errors import ollama_error
from headrace.protocols.ollama.generate import generate
from headrace.protocols.ollama.models import Measure, measure, running, show, tags
from headrace.protocols.unread import recorded

API_VERSION = "0.30.0"
"""The Ollama whose requests are known here: the first with `draft_num_predict`, after `max` as a way to think.

Clients ask for it, and turn away from one that is older than what they use.
"""

Timed = Callable[[Front, Request, float], Awaitable[Response]]
Measured = Callable[[Front, Request, Measure], Awaitable[Response]]


def routes(front: Front, now_s: Callable[[], float] = time.time, measured: Measure = measure) -> list[BaseRoute]:
    """All of them, for `create_app`; `now_s` is Unix time, `measured` what models take on disk."""

    def asks(handle: Timed) -> Handle:
        return recorded(front, lambda request: handle(front, request, now_s()))

    def listed(handle: Measured) -> Handle:
        return lambda request: handle(front, request, measured)

    async def version(request: Request) -> Response:
        return json_response({"version": API_VERSION, "headrace": front.server_version})

    endpoints: list[tuple[str, str, Handle]] = [
        ("POST", "/api/chat", asks(chat)),
        ("POST", "/api/generate", asks(generate)),
        ("POST", "/api/embed", asks(embed)),
        ("POST", "/api/embeddings", asks(embeddings)),
        ("POST", "/api/show", listed(show)),
        ("GET", "/api/tags", listed(tags)),
        ("GET", "/api/ps", listed(running)),
        ("GET", "/api/version", version),
        ("POST", "/api/pull", _not_here),
        ("POST", "/api/push", _not_here),
        ("POST", "/api/create", _not_here),
        ("POST", "/api/copy", _not_here),
        ("DELETE", "/api/delete", _not_here),
    ]
    return [Route(path, Endpoint(method, handle, ollama_error)) for method, path, handle in endpoints]


async def _not_here(request: Request) -> Response:
    raise Unsupported("models come from the folder that the server was started with (docs/repository.md)")
