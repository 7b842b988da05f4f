"""Drift over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from headrace.errors import VersionNotFound
from headrace.protocols.watch.drift_routes import DriftRoutes
from tests.protocols.oip.http_server import Wire, connected, serving
from tests.protocols.oip.stub import Stub


class Drift:
    """Knows version 1 of m, and what was asked to be forgotten."""

    def __init__(self) -> None:
        self.forgotten: list[tuple[str, int | None]] = []

    def tell(self, name: str, version: int | None) -> dict[str, Any]:
        if version not in (None, 1):
            raise VersionNotFound(f"of version {version} no request was looked at yet")
        return {"name": name, "versions": [{"version": "1"}]}

    def forget(self, name: str, version: int | None) -> None:
        self.forgotten.append((name, version))


@asynccontextmanager
async def wire(drift: Drift) -> AsyncIterator[Wire]:
    routes = DriftRoutes(drift.tell, drift.forget, lambda name: name == "m").routes()
    async with serving(Stub(), more=routes) as (port, _), connected(port) as open_wire:
        yield open_wire


async def test_a_model_and_a_version_are_told() -> None:
    async with wire(Drift()) as ask:
        whole = await ask.ask("GET", "/v2/headrace/drift/m")
        one = await ask.ask("GET", "/v2/headrace/drift/m/versions/1")
    assert whole.json == one.json == {"name": "m", "versions": [{"version": "1"}]}


async def test_what_is_not_there_is_said() -> None:
    async with wire(Drift()) as ask:
        model = await ask.ask("GET", "/v2/headrace/drift/other")
        version = await ask.ask("GET", "/v2/headrace/drift/m/versions/7")
        word = await ask.ask("GET", "/v2/headrace/drift/m/versions/new")
    assert (model.status, version.status, word.status) == (404, 404, 400)
    assert "'new' is no version; give a number" in word.json["error"]


async def test_what_is_usual_is_forgotten() -> None:
    drift = Drift()
    async with wire(drift) as ask:
        await ask.ask("DELETE", "/v2/headrace/drift/m", b"")
        await ask.ask("DELETE", "/v2/headrace/drift/m/versions/1", b"")
        unknown = await ask.ask("DELETE", "/v2/headrace/drift/other", b"")
    assert drift.forgotten == [("m", None), ("m", 1)]
    assert unknown.status == 404
