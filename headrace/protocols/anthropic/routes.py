"""The routes of the Anthropic API. Those of models stand before the OpenAI API's of the same path."""

from functools import partial

from starlette.routing import BaseRoute, Route

from headrace.protocols.anthropic.errors import anthropic_error
from headrace.protocols.anthropic.messages import count_tokens, messages
from headrace.protocols.anthropic.models import VersionedRoute, model, models
from headrace.protocols.endpoint import Elsewhere, Endpoint, Handle
from headrace.protocols.oip.front import Front
from headrace.protocols.request_id import ANTHROPICS
from headrace.protocols.unread import recorded


def routes(front: Front) -> list[BaseRoute]:
    """All of them, for `create_app`."""
    asks: dict[str, Handle] = {
        "/v1/messages": partial(messages, front),
        "/v1/messages/count_tokens": partial(count_tokens, front),
    }
    gets: dict[str, Handle] = {"/v1/models": partial(models, front), "/v1/models/{id:path}": partial(model, front)}
    endpoint = partial(Endpoint, refuse=anthropic_error, id_header=ANTHROPICS)
    return [
        *(Route(path, endpoint("POST", recorded(front, handle))) for path, handle in asks.items()),
        *(VersionedRoute(path, endpoint("GET", handle)) for path, handle in gets.items()),
        Elsewhere("/v1/messages/", anthropic_error, ANTHROPICS),
    ]
