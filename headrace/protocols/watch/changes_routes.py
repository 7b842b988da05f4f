"""The change log over HTTP: what changed, and notices of what changed elsewhere."""

import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest, ModelNotFound
from headrace.protocols.http import json_response, read_json
from headrace.protocols.watch.query import limit_of, only
from headrace.protocols.watch.why_routes import since_of

MAX_BODY_BYTES = 16 * 1024
MAX_TEXT = 2000
MAX_NAME = 200
MOST = 500
"""Changes in one answer."""

OLDEST_S = 35 * 86_400.0
AHEAD_S = 60.0
"""That another machine's clock may be ahead of ours."""


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client says has changed."""

    text: str = ""
    model: str = ""  # "": any
    kind: Literal["upstream", "config", "release"] = "upstream"
    at: str | float | None = None  # RFC 3339 or Unix time; None: now
    actor: str = ""


_NOTICE = msgspec.json.Decoder(Notice)

Post = Callable[[str, str, str, float, str], Awaitable[dict[str, Any]]]
"""Kind, model, text, Unix time and actor -> the line, once it is kept; raises NotKept where it cannot be."""


class ChangesRoutes:
    """Handlers that tell the log's lines, newest first, and take notices."""

    def __init__(
        self,
        told: Callable[[str | None, float], Sequence[dict[str, Any]]],
        post: Post,
        now_s: Callable[[], float],
        is_known: Callable[[str], bool],
    ) -> None:
        """`told` takes a model, None for all, and seconds to look back."""
        self._told = told
        self._post = post
        self._now_s = now_s
        self._is_known = is_known

    def routes(self) -> list[Route]:
        return [
            Route("/v2/headrace/changes", self.changes, methods=["GET"]),
            Route("/v2/headrace/changes", self.notice, methods=["POST"]),
        ]

    async def changes(self, request: Request) -> Response:
        """Of the last `since` seconds (3600), of one `model` and the whole server or of all; at most `limit` (100)."""
        asked = only(request, "model", "since", "limit")
        limit = limit_of(request, MOST)
        found = self._told(asked.get("model"), since_of(request))
        return json_response({"changes": found[:limit]})

    async def notice(self, request: Request) -> Response:
        """Answers with the line, once it is kept for the next start too."""
        only(request)
        notice = await read_json(request, _NOTICE, MAX_BODY_BYTES)
        if not notice.text.strip() or len(notice.text) > MAX_TEXT:
            raise InvalidRequest(f"says what changed, in 1 to {MAX_TEXT} characters", "text")
        if len(notice.actor) > MAX_NAME:
            raise InvalidRequest(f"is longer than {MAX_NAME} characters", "actor")
        if notice.model and not self._is_known(notice.model):
            raise ModelNotFound(f"model {notice.model[:100]!r} is not in the repository; leave it out for all", "model")
        at = _moment(notice.at, self._now_s())
        line = await self._post(notice.kind, notice.model, notice.text, at, notice.actor or "a request")
        return json_response(line)


def _moment(said: str | float | None, now_s: float) -> float:
    """Raises InvalidRequest where that is no moment of the last weeks."""
    if said is None:
        return now_s
    try:
        at = datetime.fromisoformat(said).timestamp() if isinstance(said, str) else float(said)
        zoned = not isinstance(said, str) or datetime.fromisoformat(said).tzinfo is not None
    except (ValueError, OverflowError):
        zoned, at = False, math.nan
    if not zoned or math.isnan(at):
        raise InvalidRequest(f"{str(said)[:40]!r} is no moment as 2026-03-01T12:00:00Z, nor seconds of Unix time", "at")
    if not now_s - OLDEST_S <= at <= now_s + AHEAD_S:
        raise InvalidRequest("is not of the last 35 days; the server's own time is in its Date header", "at")
    return min(at, now_s)
