"""How requests are shared, and what happened, over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from headrace.errors import InvalidRequest, NotFound
from headrace.models.wishes import Wishes
from headrace.protocols.oip.traffic_routes import TrafficRoutes
from headrace.records import TrafficEvent
from headrace.traffic.plans import Plans, Rollout, Shadow, Split
from headrace.traffic.traffic import Traffic
from tests.protocols.oip.http_server import Wire, connected, serving
from tests.protocols.oip.stub import Stub

MODEL = "/v2/headrace/models/add_sub"


class Moves:
    """Wishes at once what is asked for."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub

    def wish(self, name: str, plans: Plans) -> None:
        if not self.stub.registry.versions(name):
            raise NotFound(f"no {name}")
        self.stub.registry.wish(name, Wishes(traffic=plans))

    async def split(self, name: str, split: Split | None) -> None:
        self.wish(name, Plans(split=split))

    async def shadow(self, name: str, shadow: Shadow | None) -> None:
        self.wish(name, Plans(shadow=shadow))

    async def begin(self, name: str, rollout: Rollout) -> None:
        if rollout.to == 9:
            raise InvalidRequest("there is no version 9", "to")
        self.wish(name, Plans(rollout=Rollout(1, rollout.to, rollout.steps)))

    async def go_to(self, name: str, rollout: Rollout, step: int) -> None: ...

    async def finish(self, name: str, rollout: Rollout) -> None: ...

    async def back(self, name: str, rollout: Rollout | None) -> None:
        self.wish(name, Plans())


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    stub = Stub()
    traffic = Traffic(
        {}, Moves(stub), lambda name, version: None, stub.registry.halt, stub.front.clock, lambda record: None
    )
    stub.registry.follow(traffic.wished)
    events = [TrafficEvent("add_sub", 2, "rollout", "done", "every step held its gates", 5.0)]
    routes = TrafficRoutes(stub.front, traffic, lambda name: events if name in ("add_sub", "gone") else []).routes()
    async with serving(stub, more=routes) as (port, _), connected(port) as open_wire:
        yield open_wire
    await traffic.close()


async def test_a_split_is_set_told_and_taken_back() -> None:
    async with wire() as ask:
        put = await ask.ask("PUT", f"{MODEL}/split", b'{"weights": {"1": 0.9, "2": 0.1}, "key": "tenant"}')
        told = await ask.ask("GET", f"{MODEL}/split")
        taken = await ask.ask("DELETE", f"{MODEL}/split", b"")
        gone = await ask.ask("GET", f"{MODEL}/split")
    said = {"name": "add_sub", "weights": {"1": 0.9, "2": 0.1}, "key": "tenant"}
    assert (put.status, put.json) == (200, said)
    assert told.json["now"] == pytest.approx({"1": 0.9, "2": 0.1})
    assert (taken.status, gone.status) == (200, 404)


async def test_a_shadow_is_set_told_and_taken_back() -> None:
    async with wire() as ask:
        put = await ask.ask("PUT", f"{MODEL}/shadow", b'{"version": "2", "share": 0.5}')
        told = await ask.ask("GET", f"{MODEL}/shadow")
        taken = await ask.ask("DELETE", f"{MODEL}/shadow", b"")
        gone = await ask.ask("GET", f"{MODEL}/shadow")
    assert (put.status, put.json["version"], put.json["compared"]) == (200, "2", 0)
    assert told.json == put.json
    assert (taken.status, gone.status) == (200, 404)


async def test_a_rollout_is_begun_told_and_rolled_back() -> None:
    async with wire() as ask:
        begun = await ask.ask("POST", f"{MODEL}/rollout", b'{"to": "2", "steps": [0.1, 1]}')
        told = await ask.ask("GET", f"{MODEL}/rollout")
        back = await ask.ask("DELETE", f"{MODEL}/rollout", b"")
        last = await ask.ask("GET", f"{MODEL}/rollout")
    assert (begun.status, begun.json["state"], begun.json["share"]) == (200, "running", 0.1)
    assert told.json["to"]["version"] == "2"
    assert (back.status, back.json["state"], back.json["reason"]) == (200, "rolled back", "a request rolled it back")
    assert last.json == back.json


async def test_events_are_told_newest_first() -> None:
    async with wire() as ask:
        answer = await ask.ask("GET", f"{MODEL}/events")
    assert answer.json[0]["reason"] == "every step held its gates"


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("PUT", "split", {"weights": {"1": 0.9}}, "weights: the weights are 0.9 together"),
        ("PUT", "shadow", {"version": "2", "share": 2}, "share: 2 is not a number from 0 to 1"),
        ("POST", "rollout", {"to": "9"}, "to: there is no version 9"),
        ("POST", "rollout", {"to": "2", "steps": [0.5, 0.1, 1]}, "steps[1]: 0.1 does not rise"),
        ("POST", "rollout", {}, "to"),
    ],
)
async def test_what_cannot_be_is_a_400_that_names_the_field(
    method: str, path: str, body: dict[str, object], message: str
) -> None:
    async with wire() as ask:
        answer = await ask.ask(method, f"{MODEL}/{path}", json.dumps(body).encode())
    assert answer.status == 400
    assert message in answer.json["error"]


async def test_events_of_a_model_that_is_gone_are_told_too() -> None:
    async with wire() as ask:
        answer = await ask.ask("GET", "/v2/headrace/models/gone/events")
    assert (answer.status, len(answer.json)) == (200, 1)


@pytest.mark.parametrize("path", ["split", "shadow", "rollout", "events"])
async def test_an_unknown_model_is_not_found(path: str) -> None:
    async with wire() as ask:
        answer = await ask.ask("GET", f"/v2/headrace/models/nobody/{path}")
    assert (answer.status, "nobody" in answer.json["error"]) == (404, True)
