"""Levels are told and changed over HTTP."""

from headrace.observe.levels import Levels
from headrace.protocols.watch.log_routes import LogRoutes
from tests.protocols.oip.infer_bodies import server


async def test_a_level_is_changed_for_the_server_and_for_a_model() -> None:
    async with server(more=LogRoutes(Levels()).routes()) as (_, wire):
        first = await wire.ask("GET", "/v2/headrace/log")
        changed = await wire.ask("POST", "/v2/headrace/log", b'{"level":"warning","models":{"m":"debug"}}')
        again = await wire.ask("GET", "/v2/headrace/log")
    assert first.json == {"level": "info", "models": {}}
    assert changed.json == again.json == {"level": "warning", "models": {"m": "debug"}}


async def test_what_is_wrong_is_named() -> None:
    async with server(more=LogRoutes(Levels()).routes()) as (_, wire):
        level = await wire.ask("POST", "/v2/headrace/log", b'{"level":"loud"}')
        field = await wire.ask("POST", "/v2/headrace/log", b'{"colour":1}')
    assert (level.status, level.json["error"]) == (
        400,
        "level: 'loud' is no level; they are debug, info, warning, error",
    )
    assert (field.status, "colour" in field.json["error"]) == (400, True)


async def test_the_last_lines_are_told() -> None:
    routes = LogRoutes(Levels(), lambda most: ["a", "b", "c"][-most:]).routes()
    async with server(more=routes) as (_, wire):
        told = await wire.ask("GET", "/v2/headrace/log/lines?limit=2")
        wrong = await wire.ask("GET", "/v2/headrace/log/lines?limit=0")
    assert told.json == {"lines": ["b", "c"]}
    assert (wrong.status, wrong.json["error"].startswith("limit: ")) == (400, True)
