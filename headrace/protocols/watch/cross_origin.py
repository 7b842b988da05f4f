"""Lets pages of other sites ask models, where a setting names the sites: CORS, as browsers want it.

What `same_origin.py` keeps is kept from them all the same, also to be read. No credentials are ever allowed: a page's
cookies and client certificates are the browser's, not the page's.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.errors import SettingInvalid
from headrace.protocols.watch.same_origin import is_kept

SETTING = "server.allow_origins"
_METHODS = ("GET", "HEAD", "POST", "DELETE")
_SHOWN = (
    *("x-request-id", "request-id", "inference-header-content-length", "headrace-left-out"),
    *("headrace-code", "retry-after", "retry-after-ms", "x-should-retry"),
    *("x-queue-ms", "x-compute-ms", "x-batch-size", "x-batch-reason", "x-variant", "x-cost-usd", "x-cache"),
)
"""The headers of an answer that a page may read, besides those that any page may."""


class CrossOrigin:
    """An ASGI application in front of another; answers what browsers ask before a request, and marks answers."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        """`origins` are as `read_origins` gives them."""
        self._app = app
        self._shared = CORSMiddleware(
            app, allow_origins=origins, allow_methods=_METHODS, allow_headers=("*",), expose_headers=_SHOWN
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = scope["type"] == "http" and is_kept(scope["path"])
        await (self._app if kept else self._shared)(scope, receive, send)


def read_origins(said: str) -> tuple[str, ...]:
    """The sites that a setting names, as browsers write them. Raises SettingInvalid for what is none."""
    origins = tuple(origin.lower() for origin in said.split())
    for origin in origins:
        if origin != "*" and not _is_origin(origin):
            raise SettingInvalid(f"{origin!r} is no origin such as https://chat.example.org, nor *", SETTING)
    return origins


def _is_origin(origin: str) -> bool:
    """A scheme and a host, perhaps a port, and nothing else."""
    try:
        parts = urlsplit(origin)
        return bool(parts.hostname) and f"{parts.scheme}://{parts.netloc}" == origin and parts.port != 0
    except ValueError:
        return False
