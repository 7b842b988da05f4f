"""What can be done with a response that is kept: /v1/responses/{id}, its input_items, and cancel."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import InvalidRequest, NotFound
from headrace.protocols.http import json_response
from headrace.protocols.limits import read_headers
from headrace.protocols.openai.response_items import Items
from headrace.protocols.openai.response_request import INCLUDABLE
from headrace.protocols.openai.response_store import ResponseStore

MAX_LISTED = 100


async def retrieve(store: ResponseStore, request: Request) -> Response:
    """The response, whole or as far as it has come. Raises NotFound."""
    _check_query(request, {"stream": ("false",), "include_obfuscation": ("false",)})
    return json_response(store.response(request.path_params["id"], _tenant(request)))


async def delete(store: ResponseStore, request: Request) -> Response:
    """Forget the response, also one that is being streamed, whose stream goes on. Raises NotFound."""
    id_ = request.path_params["id"]
    store.delete(id_, _tenant(request))
    return json_response({"id": id_, "object": "response", "deleted": True})


async def cancel(store: ResponseStore, request: Request) -> Response:
    """End a response that is being streamed. Raises NotFound, or InvalidRequest where it has ended."""
    return json_response(store.cancel(request.path_params["id"], _tenant(request)))


async def input_items(store: ResponseStore, request: Request) -> Response:
    """What the response answered, a page of it; the newest first unless `order` is asc."""
    _check_query(request, {"order": ("asc", "desc"), "limit": None, "after": None})
    items = store.get(request.path_params["id"], _tenant(request)).input
    query = request.query_params
    return json_response(page(items, query.get("order", "desc"), query.get("after"), _limit(query.get("limit"))))


def page(items: Items, order: str, after: str | None, limit: int) -> Mapping[str, Any]:
    """At most `limit` items behind the one of the id `after`. Raises NotFound where that is none of them."""
    ordered = items if order == "asc" else items[::-1]
    if after is not None:
        places = [i for i, item in enumerate(ordered) if item["id"] == after]
        if not places:
            raise NotFound(f"no item {after[:64]!r} is among the input's", "after")
        ordered = ordered[places[0] + 1 :]
    data = ordered[:limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else "",
        "last_id": data[-1]["id"] if data else "",
        "has_more": len(ordered) > limit,
    }


def _tenant(request: Request) -> str:
    return read_headers(request.headers.raw).tenant


def _limit(text: str | None) -> int:
    if text is None:
        return 20
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MAX_LISTED):
        raise InvalidRequest(f"must be 1 to {MAX_LISTED}", "limit")
    return int(text)


def _check_query(request: Request, known: Mapping[str, tuple[str, ...] | None]) -> None:
    """Raises InvalidRequest for a parameter that is not known, or has a value that it cannot have."""
    for name, value in request.query_params.multi_items():
        allowed = INCLUDABLE if name in ("include", "include[]") else known.get(name, ())
        if allowed == ():
            raise InvalidRequest("is not offered", name[:64])
        if allowed is not None and value not in allowed:
            raise InvalidRequest(f"must be {' or '.join(allowed)}", name)
