"""Which lines are written, told and changed while the server runs; and the last of them."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest, SettingInvalid
from headrace.protocols.http import json_response, read_json
from headrace.protocols.watch.query import only

MAX_BODY_BYTES = 1 << 20


class LogBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change; a model that is null follows the server again."""

    level: str | None = None
    models: dict[str, str | None] = {}


_LOG = msgspec.json.Decoder(LogBody)


class Levels(Protocol):
    """`observe/levels.py`."""

    @property
    def level(self) -> str: ...

    @property
    def models(self) -> dict[str, str]: ...

    def change(self, level: str | None = None, models: dict[str, str | None] | None = None) -> None: ...


class LogRoutes:
    """Handlers of the levels in force."""

    def __init__(self, levels: Levels, tail: Callable[[int], Sequence[str]] = lambda most: ()) -> None:
        """`tail` gives the last so many lines that were written, oldest first."""
        self._levels = levels
        self._tail = tail

    def routes(self) -> list[Route]:
        return [
            Route("/v2/headrace/log", self.levels, methods=["GET"]),
            Route("/v2/headrace/log", self.change, methods=["POST"]),
            Route("/v2/headrace/log/lines", self.lines, methods=["GET"]),
        ]

    async def levels(self, request: Request) -> Response:
        """The server's, and those of models that have one of their own."""
        only(request)
        return json_response({"level": self._levels.level, "models": self._levels.models})

    async def change(self, request: Request) -> Response:
        """Answers with what holds from now on; nothing changes unless all is right."""
        only(request)
        body = await read_json(request, _LOG, MAX_BODY_BYTES)
        try:
            self._levels.change(body.level, body.models)
        except SettingInvalid as error:
            raise InvalidRequest(error.message, error.where) from error
        return await self.levels(request)

    async def lines(self, request: Request) -> Response:
        """The last lines, oldest first; at most `limit` (200)."""
        limit = only(request, "limit").get("limit", "200")
        if not (limit.isascii() and limit.isdigit() and len(limit) < 6 and int(limit) >= 1):
            raise InvalidRequest(f"{limit[:20]!r} is not a number of lines from 1", "limit")
        return json_response({"lines": self._tail(int(limit))})
