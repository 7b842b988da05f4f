"""A page that was led to this machine by a false name of it neither reads nor asks; who is none is answered as ever."""

import pytest
from starlette.datastructures import Headers

from headrace.protocols.watch.false_name import false_name
from tests.protocols.oip.infer_bodies import ADD_SUB, add_sub_json, server

NAMES = ("models.example.org",)
CAPTURES = "/v2/headrace/captures/m"


@pytest.mark.parametrize("path", [CAPTURES, "/v2/headrace/requests", "/metrics", "/v1/responses/resp_1"])
@pytest.mark.parametrize("reached", ["127.0.0.1", "127.0.1.1", "::1", "::ffff:127.0.0.1"])
def test_what_others_asked_is_not_told_by_a_false_name_of_this_machine(path: str, reached: str) -> None:
    refusal = false_name(path, Headers({"host": "evil.example:8000"}), NAMES, reached)
    assert refusal is not None
    assert refusal.where == "Host"


@pytest.mark.parametrize(
    "host",
    ["localhost:8000", "127.0.0.1", "[::1]:8000", "Models.Example.org", "box", "host.docker.internal", "b.local"],
)
def test_it_is_told_by_every_name_that_nobody_can_make_a_false_one(host: str) -> None:
    assert false_name(CAPTURES, Headers({"host": host}), NAMES, "127.0.0.1") is None


@pytest.mark.parametrize("reached", ["10.0.0.7", "192.168.1.5", "fd00::5", ""])
def test_who_came_by_an_address_of_the_network_may_use_any_name_of_it(reached: str) -> None:
    assert false_name("/metrics", Headers({"host": "headrace.ns.svc:8000"}), NAMES, reached) is None


def test_a_program_may_ask_models_by_any_name_and_a_page_may_not() -> None:
    said = {"host": "evil.example"}
    assert false_name("/v1/completions", Headers(said), NAMES, "127.0.0.1") is None
    page = Headers(said | {"origin": "http://evil.example"})
    assert false_name("/v1/completions", page, NAMES, "127.0.0.1") is not None


async def test_nothing_is_read_over_a_connection_by_such_a_name() -> None:
    async with server() as (_, wire):
        evil = await wire.ask("GET", "/v2/headrace/memory", Host="evil.example:8000")
        metrics = await wire.ask("GET", "/metrics", Host="evil.example:8000")
        own = await wire.ask("GET", "/v2/headrace/memory", Host="localhost:8000")
    assert [answer.status for answer in (evil, metrics, own)] == [403, 403, 200]
    assert evil.json["error"].startswith("Host: 'evil.example:8000' is no name of this server")


async def test_nor_does_a_page_infer_by_it() -> None:
    async with server() as (_, wire):
        page = {"Host": "evil.example", "Origin": "http://evil.example"}
        evil = await wire.ask("POST", ADD_SUB, add_sub_json(), **page)
        program = await wire.ask("POST", ADD_SUB, add_sub_json(), Host="models.internal.example")
    assert (evil.status, program.status) == (403, 200)
