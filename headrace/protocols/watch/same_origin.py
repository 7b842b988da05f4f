"""Keeps pages of other sites from the server: who changes something must name the server as it is known.

A browser sends another site's page with its `Origin`, and one that was led here by a false name of this machine with
that name as `Host`. Programs send no `Origin`, and the name that they were given. `false_name.py` says what
one that was led here may not even read.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.errors import Forbidden
from headrace.protocols.http import error_response
from headrace.protocols.request_id import id_of
from headrace.protocols.watch.false_name import false_name
from headrace.protocols.watch.own_name import host_name, is_own

GUARDED = "/v2/headrace/"
"""The beginning of the paths that are kept."""

_CONTROL = ("/v2/repository/models/", "/v2/logging", "/v2/systemsharedmemory/", "/v2/cudasharedmemory/")
_TRACE_SETTING = "/trace/setting"  # of the server and of models

_READING = ("GET", "HEAD", "OPTIONS")


class SameOrigin:
    """An ASGI application in front of another; what changes something under `GUARDED`, and what is read or asked by a
    false name of this machine, passes or is refused.

    What Triton's protocol changes is kept from pages of other sites too. There any name goes for its clients, which are
    no browsers and know the server by names that it does not: who sends no `Origin` is no page.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        """`names` are those of the server, besides addresses and those of loopback."""
        self._app = app
        self._names = frozenset(name.lower().rstrip(".") for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is not None:
            await error_response(refusal, id_of(scope))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Forbidden | None:
        path, headers = scope["path"], Headers(scope=scope)
        changes = scope["method"] not in _READING
        if changes and (path.startswith(GUARDED) or (is_kept(path) and "origin" in headers)):
            return check(headers, self._names)
        return false_name(path, headers, self._names, (scope.get("server") or ("",))[0])


def is_kept(path: str) -> bool:
    """Whether what is there is for the server's own pages and for programs alone."""
    return path.startswith((GUARDED, *_CONTROL)) or path.endswith(_TRACE_SETTING)


def check(headers: Headers, names: Iterable[str]) -> Forbidden | None:
    """Why a request with these headers may change nothing, or None where it may."""
    host, *more = headers.getlist("host") or [""]
    if more:
        return Forbidden("is sent twice; send it once", "Host")
    name = host_name(host)
    if not (is_own(name) or name in names):
        what = f"{host[:100]!r} is no name of this server; ask it by its address, or name it in server.names"
        return Forbidden(what, "Host")
    return _check_origin(headers, host)


def _check_origin(headers: Headers, host: str) -> Forbidden | None:
    """Why a page, if it is one that asks, may change nothing, or None where it may."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return Forbidden(f"pages of {origin[:100]!r} may not change this server", "Origin")
    return None
