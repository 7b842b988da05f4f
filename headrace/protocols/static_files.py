"""Files of a page as they are served: one policy, asked for again each time and seldom sent again."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

Answers = Callable[[Request], Awaitable[Response]]

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
POLICY = (
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Of every page: what is shown cannot become a script, and nobody frames it."""


def static_file(name: str, content: bytes, policy: str) -> Answers:
    """What answers with this content under this content security policy and `POLICY`, or with 304 to who has it."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers: Mapping[str, str] = {
        "content-security-policy": f"{policy}; {POLICY}",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-cache",
        "etag": etag,
        "vary": "accept",
    }
    media_type = TYPES[name[name.rindex(".") :]]

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(content, 200, headers, media_type)

    return answer
