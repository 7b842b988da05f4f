"""Pages of the sites that a setting names may ask models, and change nothing."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.errors import SettingInvalid
from headrace.protocols.watch.cross_origin import read_origins
from tests.protocols.oip.infer_bodies import ADD_SUB, add_sub_json, server
from tests.protocols.oip.stub import Stub

LATENCY = Path(__file__).parents[3] / "docs" / "latency.md"
CHAT = "https://chat.example.org"
KEPT = ("/v2/headrace/memory", "/v2/repository/models/add_sub/load", "/v2/logging", "/v2/trace/setting")
ASKED_BEFORE = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization,content-type"}


def shared(*origins: str) -> Stub:
    stub = Stub()
    stub.front = replace(stub.front, origins=origins)
    return stub


@pytest.mark.parametrize(
    ("said", "origins"),
    [
        ("", ()),
        ("*", ("*",)),
        ("https://chat.example.org http://LocalHost:3000", (CHAT, "http://localhost:3000")),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
    ],
)
def test_origins_are_as_browsers_write_them(said: str, origins: tuple[str, ...]) -> None:
    assert read_origins(said) == origins


@pytest.mark.parametrize(
    "said", ["chat.example.org", "https://chat.example.org/", "https://", "https://*.org:x", "null", "http://a:0"]
)
def test_what_is_no_origin_is_refused_by_its_setting(said: str) -> None:
    with pytest.raises(SettingInvalid, match="is no origin such as") as refused:
        read_origins(said)
    assert refused.value.where == "server.allow_origins"


async def test_a_browser_is_told_before_that_a_page_may_ask() -> None:
    async with server(shared(CHAT)) as (_, wire):
        answer = await wire.ask("OPTIONS", ADD_SUB, b"", Origin=CHAT, **ASKED_BEFORE)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == CHAT
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_page_may_read_every_header_that_is_documented() -> None:
    async with server(shared(CHAT)) as (_, wire):
        answer = await wire.ask("GET", "/v2/models/add_sub", b"", Origin=CHAT)
    documented = set(re.findall(r"^\| `(x-[a-z-]+)` \|", LATENCY.read_text().partition("## What comes back")[2], re.M))
    errors = {"headrace-code", "request-id", "x-request-id", "x-should-retry", "retry-after", "retry-after-ms"}
    assert len(documented) > 5
    others = {"headrace-left-out"}
    assert documented | errors | others <= set(answer.headers["access-control-expose-headers"].split(", "))


async def test_an_answer_says_which_page_may_read_it() -> None:
    async with server(shared(CHAT, "http://localhost:3000")) as (_, wire):
        read = await wire.ask("GET", "/v2/models/add_sub", b"", Origin=CHAT)
        other = await wire.ask("GET", "/v2/models/add_sub", b"", Origin="https://evil.example")
    assert (read.headers["access-control-allow-origin"], read.headers["vary"]) == (CHAT, "Origin")
    assert "access-control-allow-origin" not in other.headers


async def test_any_page_may_where_all_are_named_and_never_with_credentials() -> None:
    async with server(shared("*")) as (_, wire):
        answer = await wire.ask("GET", "/v2/models/add_sub", b"", Origin="https://any.example", Cookie="a=b")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", KEPT)
async def test_what_changes_the_server_is_not_shared(path: str) -> None:
    async with server(shared("*")) as (_, wire):
        before = await wire.ask("OPTIONS", path, b"", Origin=CHAT, **ASKED_BEFORE)
        changed = await wire.ask("POST", path, b"{}", Host="localhost", Origin=CHAT)
    assert before.status == 405
    assert changed.status == 403
    assert "access-control-allow-origin" not in before.headers | changed.headers


async def test_nothing_is_shared_unless_it_is_asked_for() -> None:
    async with server() as (_, wire):
        before = await wire.ask("OPTIONS", ADD_SUB, b"", Origin=CHAT, **ASKED_BEFORE)
        answer = await wire.ask("POST", ADD_SUB, add_sub_json(), Origin=CHAT)
    assert (before.status, answer.status) == (405, 200)
    assert "access-control-allow-origin" not in before.headers | answer.headers
