"""GET /v1/models and /v1/models/{id}, for clients that say `anthropic-version`: the models that answer messages."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from headrace.errors import InvalidRequest, NotFound
from headrace.generation import LanguageFacts
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model, language_models
from headrace.protocols.oip.front import Front

HEADER = b"anthropic-version"
LISTED, MAX_LISTED = 20, 1000
_UNKNOWN = "1970-01-01T00:00:00Z"  # when a model was released


class VersionedRoute(Route):
    """A path that is Anthropic's where the header says so: the OpenAI API has it too."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if not any(name == HEADER for name, _ in scope.get("headers", ())):
            return Match.NONE, {}
        return super().matches(scope)


async def models(front: Front, request: Request) -> Response:
    """A page of them, by name. Raises InvalidRequest or NotFound for a page that there is not."""
    known = ((served.version.name, served.signature.language) for served in language_models(front))
    found = [_model_json(name, facts) for name, facts in known if facts is not None and _answers(facts)]
    query = request.query_params
    for name in query:
        if name not in ("limit", "after_id", "before_id"):
            raise InvalidRequest("is not known here; there are limit, after_id and before_id", name[:64])
    return json_response(page(found, query.get("after_id"), query.get("before_id"), _limit(query.get("limit"))))


async def model(front: Front, request: Request) -> Response:
    """The one in the path. Raises ModelNotFound."""
    name = request.path_params["id"]
    _, facts = await find_model(front, request, name, "generate")
    return json_response(_model_json(name, facts))


def page(found: Sequence[dict[str, Any]], after: str | None, before: str | None, limit: int) -> dict[str, Any]:
    """At most `limit` models behind one, or before one. Raises InvalidRequest where both are said, NotFound."""
    if after is not None and before is not None:
        raise InvalidRequest("cannot be combined with after_id", "before_id")
    if after is not None:
        found = found[_place(found, after, "after_id") + 1 :]
    if before is not None:
        found = found[: _place(found, before, "before_id")]
    data = found[-limit:] if before is not None else found[:limit]
    return {
        "data": data,
        "has_more": len(found) > limit,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def _place(found: Sequence[dict[str, Any]], id_: str, where: str) -> int:
    place = next((i for i, each in enumerate(found) if each["id"] == id_), None)
    if place is None:
        raise NotFound(f"there is no model {id_[:64]!r} to answer messages", where)
    return place


def _limit(text: str | None) -> int:
    if text is None:
        return LISTED
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LISTED):
        raise InvalidRequest(f"must be from 1 to {MAX_LISTED}", "limit")
    return int(text)


def _answers(facts: LanguageFacts) -> bool:
    return "generate" in facts.tasks and facts.chat_template


def _model_json(name: str, facts: LanguageFacts) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": _UNKNOWN,
        "lifecycle": "active",
        "line": None,
        "deprecated_at": None,
        "retires_at": None,
        "capabilities": None,
        "max_input_tokens": facts.max_context,
        "max_tokens": facts.max_context,
    }
