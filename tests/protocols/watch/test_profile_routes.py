"""A profile is asked for over HTTP, for a minute at most."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from headrace.errors import Conflict
from headrace.protocols.watch.profile_routes import ProfileRoutes
from tests.protocols.oip.infer_bodies import server

PATH = "/v2/headrace/profile"


async def made(seconds: float, as_page: bool) -> bytes:
    return b'{"page":true}' if as_page else b'{"seconds":%g}' % seconds


async def operators(name: str, version: int | None, runs: int) -> dict[str, Any]:
    return {"asked": [name, version, runs]}


async def test_a_models_operators_are_asked_for_by_parameters() -> None:
    async with server(more=ProfileRoutes(made, operators).routes()) as (_, wire):
        usual = await wire.ask("POST", f"{PATH}?operators=a%2Fb")
        said = await wire.ask("POST", f"{PATH}?operators=m&version=3&runs=5", b"{}")
    assert (usual.json, said.json) == ({"asked": ["a/b", None, 20]}, {"asked": ["m", 3, 5]})


@pytest.mark.parametrize("query", ["operators=m&runs=0", "operators=m&version=x", "version=1", "operators=m&seconds=1"])
async def test_parameters_that_are_wrong_are_refused(query: str) -> None:
    async with server(more=ProfileRoutes(made, operators).routes()) as (_, wire):
        assert (await wire.ask("POST", f"{PATH}?{query}")).status == 400


async def test_it_is_json_unless_a_page_is_asked_for() -> None:
    async with server(more=ProfileRoutes(made, operators).routes()) as (_, wire):
        told = await wire.ask("POST", PATH, b'{"seconds": 2}')
        usual = await wire.ask("POST", PATH)
        page = await wire.ask("POST", PATH, b"", Accept="text/html,*/*")
    assert (told.json, usual.json, page.json) == ({"seconds": 2}, {"seconds": 10}, {"page": True})
    assert (told.headers["content-type"], page.headers["content-type"][:9]) == ("application/json", "text/html")


@pytest.mark.parametrize("body", [b'{"seconds": 61}', b'{"seconds": 0}', b'{"seconds": "x"}', b'{"minutes": 1}'])
async def test_what_is_wrong_is_refused(body: bytes) -> None:
    async with server(more=ProfileRoutes(made, operators).routes()) as (_, wire):
        answer = await wire.ask("POST", PATH, body)
    assert answer.status == 400
    assert "seconds" in answer.json["error"] or "minutes" in answer.json["error"]


async def test_a_second_one_is_a_conflict() -> None:
    async def busy(seconds: float, as_page: bool) -> bytes:
        raise Conflict("a profile is being made already")

    async with server(more=ProfileRoutes(busy, operators).routes()) as (_, wire):
        answer = await wire.ask("POST", PATH)
    assert (answer.status, answer.json["code"]) == (409, "conflict")


async def test_it_is_given_up_once_its_client_is_gone() -> None:
    ended = []

    async def long(seconds: float, as_page: bool) -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(seconds)
        return b""

    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        await asyncio.sleep(0)
        return messages.pop(0)

    request = Request({"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": []}, receive)
    with pytest.raises(ClientDisconnect):
        await ProfileRoutes(long, operators).profile(request)
    await asyncio.sleep(0)
    assert ended == [10]
