"""The id by which a request is found again: its client's own, or one made for it; answers and refusals have it.

It is what `X-Request-Id` says, else the id in the request's body, else the id of its trace, else one that is made.
"""

import secrets
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from itertools import count
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.protocols.http_error import HttpError
from headrace.protocols.oip.parameters import trace_of

HEADER = "x-request-id"
ANTHROPICS = "request-id"
"""What Anthropic's clients tell a request by: they show it with each error. It says the same, on that API's routes and
of what is refused before anybody has looked for a route."""

MAX_CHARACTERS = 128
"""Of an id that is kept; what a head or a body says beyond is not part of it."""

_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")
_NAME = HEADER.encode()
_SCOPE = "headrace.request_id"


class Ids:
    """Makes ids that no other server makes: a random beginning, and a number. One for each server."""

    def __init__(self, beginning: str | None = None) -> None:
        self._form = f"{secrets.token_hex(5) if beginning is None else beginning}-%x"
        self._next = count(1).__next__

    def __call__(self) -> str:
        return self._form % self._next()


def given(value: str) -> str:
    """What a client sent as X-Request-Id, as it is kept; empty where that is nothing.

    `value` has a character for each byte, or is read already. Those bytes are UTF-8 as a rule, and Latin-1 elsewhere.
    """
    if not value.isascii():
        with suppress(UnicodeError):
            value = value.encode("latin-1").decode()
    return bounded(value.strip())


def bounded(id_: str) -> str:
    """An id as it is kept: a client may not have the server hold a book."""
    return id_ if len(id_) <= MAX_CHARACTERS else id_[:MAX_CHARACTERS]


def names_of(in_head: str, in_body: str) -> tuple[str, str]:
    """What a request is called by its client, empty where by nothing, and another name that it has for it."""
    kept = bounded(in_body)
    if in_head:
        return in_head, kept if kept != in_head else ""
    return kept, ""


def of_trace(traceparent: str) -> str:
    """The id of the trace that a W3C traceparent tells, or empty."""
    return traceparent[3:35] if trace_of(traceparent) else ""


def shown(id_: str) -> str:
    """An id as a header may carry it and a URL may hold it: what could break a line is escaped with %."""
    if id_.isascii() and id_.isprintable() and " " not in id_:
        return id_
    return quote(id_, safe=_PLAIN, errors="replace")


def refused(error: HttpError, id_: str) -> HttpError:
    """The answer for an error, with the id in its body."""
    return error._replace(body=b'%b,"request_id":%b}' % (error.body[:-1], msgspec.json.encode(shown(id_))))


class Identified:
    """An ASGI application in front of another: what that answers has the request's id in its headers."""

    def __init__(self, app: ASGIApp, make: Callable[[], str]) -> None:
        self._app = app
        self._make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = dict(scope["headers"])
        client = given(sent.get(_NAME, b"").decode("latin-1"))
        own = client or of_trace(sent.get(b"traceparent", b"").decode("latin-1")) or self._make()
        scope[_SCOPE] = {"id": own, "given": bool(client)}

        await self._app(scope, receive, named(send, scope))


def named(send: Send, scope: Scope, header: str = HEADER) -> Send:
    """What sends an answer with the request's id, as it is then, in a header; one that has it keeps its own."""
    key = header.encode()

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start" and (id_ := id_of(scope)):
            headers = list(message.get("headers", ()))
            if not any(name == key for name, _ in headers):
                message["headers"] = [*headers, (key, shown(id_).encode())]
        await send(message)

    return answer


def id_of(scope: Mapping[str, Any]) -> str:
    """The id of the request that an ASGI scope is of; empty where nobody saw to that."""
    identity: Mapping[str, Any] = scope.get(_SCOPE, {})
    id_: str = identity.get("id", "")
    return id_


def settle(scope: MutableMapping[str, Any], id_: str) -> str:
    """Answer with this id, which was found in the body or made by its dialect, unless the client gave one in its head.

    Returns the one that it is.
    """
    identity = scope.setdefault(_SCOPE, {"id": "", "given": False})
    if not identity["given"]:
        identity["id"] = bounded(id_)
    settled: str = identity["id"]
    return settled
