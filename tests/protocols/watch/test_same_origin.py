"""Pages of other sites change nothing; programs, and the server's own pages, do."""

import pytest
from starlette.datastructures import Headers

from headrace.protocols.watch.same_origin import check
from tests.protocols.oip.infer_bodies import server

NAMES = ("models.example.org",)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8000", None),
        ("[::1]:8000", None),
        ("localhost:8000", "http://localhost:8000"),
        ("192.168.1.5", "http://192.168.1.5"),
        ("Models.Example.org:443", "https://models.example.org:443"),
    ],
)
def test_the_servers_own_name_may(host: str, origin: str | None) -> None:
    assert check(Headers({"host": host} | ({"origin": origin} if origin else {})), NAMES) is None


@pytest.mark.parametrize(
    ("host", "origin", "where"),
    [
        ("evil.example", None, "Host"),
        ("evil.example", "http://evil.example", "Host"),
        ("127.0.0.1.evil.example:8000", None, "Host"),
        ("", None, "Host"),
        ("localhost:8000", "http://evil.example", "Origin"),
        ("localhost:8000", "http://localhost:9000", "Origin"),
        ("localhost:8000", "null", "Origin"),
        ("localhost:8000", "", "Origin"),
    ],
)
def test_a_foreign_name_or_page_may_not(host: str, origin: str | None, where: str) -> None:
    refusal = check(Headers({"host": host} | ({} if origin is None else {"origin": origin})), NAMES)
    assert refusal is not None
    assert refusal.where == where


def test_two_names_are_none() -> None:
    refusal = check(Headers(raw=[(b"host", b"localhost"), (b"host", b"evil.example")]), NAMES)
    assert refusal is not None
    assert refusal.where == "Host"


async def test_a_foreign_page_is_refused_what_changes_and_not_what_reads() -> None:
    async with server() as (_, wire):
        path = "/v2/headrace/models/add_sub/labels/stable"
        changed = await wire.ask("DELETE", path, b"", Host="localhost", Origin="http://evil.example")
        read = await wire.ask("GET", "/v2/headrace/memory", b"", Host="localhost", Origin="http://evil.example")
    assert (changed.status, changed.json["code"]) == (403, "forbidden")
    assert read.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v2/repository/models/add_sub/unload",
        "/v2/logging",
        "/v2/trace/setting",
        "/v2/models/add_sub/trace/setting",
        "/v2/systemsharedmemory/unregister",
    ],
)
async def test_a_foreign_page_does_not_do_what_tritons_protocol_changes(path: str) -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", path, b"{}", Host="localhost", Origin="http://evil.example")
    assert (answer.status, answer.json["code"]) == (403, "forbidden")


async def test_nor_does_a_page_that_was_led_here_by_a_false_name() -> None:
    async with server() as (_, wire):
        evil = {"Host": "evil.example:8000", "Origin": "http://evil.example:8000"}
        answer = await wire.ask("POST", "/v2/repository/models/add_sub/unload", b"{}", **evil)
    assert (answer.status, answer.json["code"]) == (403, "forbidden")


async def test_a_program_may_do_that_by_any_name_of_the_server() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", "/v2/logging", b"{}", Host="triton.internal")
    assert answer.status == 200
