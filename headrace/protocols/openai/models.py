"""GET /v1/models and /v1/models/{id}: the language models that are ready."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.generation import LanguageFacts
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model, language_models
from headrace.protocols.oip.front import Front


async def models(front: Front, request: Request, started_s: float) -> Response:
    """All of them, by name; `created` is when the server started."""
    data = []
    for served in language_models(front):
        facts = served.signature.language
        if facts is not None:
            data.append(_model_json(served.version.name, facts, started_s))
    return json_response({"object": "list", "data": data})


async def model(front: Front, request: Request, started_s: float) -> Response:
    """The one in the path. Raises ModelNotFound."""
    name = request.path_params["id"]
    _, facts = await find_model(front, request, name)
    return json_response(_model_json(name, facts, started_s))


def _model_json(name: str, facts: LanguageFacts, started_s: float) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": int(started_s),
        "owned_by": "headrace",
        "root": name,
        "parent": None,
        "max_model_len": facts.max_context,
        "permission": [],
    }
