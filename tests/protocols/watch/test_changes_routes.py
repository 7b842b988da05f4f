"""The change log over HTTP."""

import json
from typing import Any

import pytest

from headrace.errors import NotKept
from headrace.protocols.watch.changes_routes import ChangesRoutes
from tests.protocols.oip.http_server import connected, serving
from tests.protocols.oip.stub import Stub

NOW_S = 1_772_366_600.0
PATH = "/v2/headrace/changes"


def line(kind: str, model: str, text: str, at: float, actor: str) -> dict[str, Any]:
    return {"kind": kind, "model": model, "text": text, "at": at, "actor": actor}


async def post(kind: str, model: str, text: str, at: float, actor: str) -> dict[str, Any]:
    if text == "on a full disk":
        raise NotKept("it is full")
    return line(kind, model, text, at, actor)


def told(model: str | None, since_s: float) -> list[dict[str, Any]]:
    return [{"model": model, "since": since_s}] * 200


ROUTES = ChangesRoutes(told, post, lambda: NOW_S, lambda name: name == "m").routes()


async def ask(method: str, path: str = PATH, said: object = None) -> tuple[int, Any]:
    body = b"" if said is None else said if isinstance(said, bytes) else json.dumps(said).encode()
    async with serving(Stub(), more=ROUTES) as (port, _), connected(port) as wire:
        answer = await wire.ask(method, path, body)
    return answer.status, answer.json


async def test_lines_are_told_of_all_or_of_one_model() -> None:
    status, body = await ask("GET")
    assert (status, len(body["changes"]), body["changes"][0]) == (200, 100, {"model": None, "since": 3600.0})
    _, body = await ask("GET", f"{PATH}?model=m&since=60&limit=2")
    assert body["changes"] == [{"model": "m", "since": 60.0}] * 2


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "since=-1"])
async def test_a_query_that_is_wrong_names_the_parameter(query: str) -> None:
    status, body = await ask("GET", f"{PATH}?{query}")
    assert (status, body["error"].startswith(query.partition("=")[0])) == (400, True)


async def test_a_notice_is_of_now_and_of_every_model_unless_it_says_otherwise() -> None:
    assert await ask("POST", said={"text": "moved"}) == (200, line("upstream", "", "moved", NOW_S, "a request"))
    said = {"text": "moved", "model": "m", "at": "2026-03-01T13:00:00+01:00", "kind": "config", "actor": "ops"}
    assert await ask("POST", said=said) == (200, line("config", "m", "moved", 1_772_366_400.0, "ops"))


async def test_a_notice_that_the_next_start_would_not_know_of_is_told() -> None:
    status, body = await ask("POST", said={"text": "on a full disk"})
    assert (status, body["code"]) == (507, "not_kept")


async def test_hostile_words_are_kept_as_words() -> None:
    words = '<script>alert(1)</script>\x00\x1b[31m\n"'
    status, body = await ask("POST", said={"text": words})
    assert (status, body["text"]) == (200, words)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "text"),
        ({"text": " "}, "text"),
        ({"text": "x" * 2001}, "text"),
        ({"text": "x", "actor": "x" * 201}, "actor"),
        ({"text": "x", "at": "yesterday"}, "at"),
        ({"text": "x", "at": "2026-03-01T13:00:00"}, "at"),
        ({"text": "x", "at": 5}, "at"),
        ({"text": "x", "at": NOW_S + 3600}, "at"),
        ({"text": "x", "at": 1e308}, "at"),
        ({"text": "x", "kind": "weather"}, "kind"),
        ({"text": "x", "colour": "red"}, "colour"),
    ],
)
async def test_a_notice_that_is_wrong_names_the_field(said: object, field: str) -> None:
    status, body = await ask("POST", said=said)
    assert status == 400
    assert field in body["error"]


async def test_a_notice_of_a_model_that_is_not_there_and_one_that_is_too_long_are_refused() -> None:
    assert (await ask("POST", said={"text": "x", "model": "gone"}))[0] == 404
    assert (await ask("POST", said=b'{"text": "' + b"x" * 20_000 + b'"}'))[0] == 413
