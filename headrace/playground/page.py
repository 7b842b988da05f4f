"""The page at `/`, and the files that it loads: a place to try models, which asks the server's public APIs only."""

import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    # Nothing from elsewhere, nothing written into the page itself: what a model says cannot become a script.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",  # asked for again each time, and seldom sent again
}


def routes(name: str, version: str) -> list[BaseRoute]:
    """The page, with the server's name and version for programs that ask for `/`."""
    told = {"name": name, "version": version, "models": "/v2/repository/index", "playground": "/ in a browser"}
    static = files("headrace.playground") / "static"
    answers = {each.name: _file(each.name, each.read_bytes()) for each in static.iterdir()}

    async def root(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return await page(request)
        return JSONResponse(told, headers={"vary": "accept"})

    page = answers.pop("index.html")
    loaded = [Route(f"/playground/{file}", answer) for file, answer in sorted(answers.items())]
    return [Route("/", root), *loaded]


def _file(name: str, content: bytes) -> Callable[[Request], Awaitable[Response]]:
    """What answers with this content, or with 304 to who has it already."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**_HEADERS, "etag": etag, "vary": "accept"}
    media_type = _TYPES[name[name.rindex(".") :]]

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(content, 200, headers, media_type)

    return answer
