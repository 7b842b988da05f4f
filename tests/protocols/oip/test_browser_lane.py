"""Inferences of pages are answered as other requests of browsers are, those of programs are not."""

from dataclasses import replace

from tests.protocols.oip.infer_bodies import ADD_SUB, add_sub_json, server
from tests.protocols.oip.stub import Stub

CHAT = "https://chat.example.org"


def shared() -> Stub:
    stub = Stub()
    stub.front = replace(stub.front, origins=(CHAT,))
    return stub


async def test_an_inference_says_which_page_may_read_it() -> None:
    async with server(shared()) as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, add_sub_json(), Origin=CHAT)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, CHAT)
    assert answer.json["outputs"][0]["data"] == [i + 3 for i in range(16)]


async def test_a_refused_inference_says_so_too() -> None:
    async with server(shared()) as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, b"{", Origin=CHAT)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (400, CHAT)


async def test_a_program_is_answered_as_ever() -> None:
    async with server(shared()) as (_, wire):
        answers = [await wire.ask("POST", ADD_SUB, add_sub_json(), **headers) for headers in ({}, {"Origin": CHAT}, {})]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert ["access-control-allow-origin" in answer.headers for answer in answers] == [False, True, False]


async def test_the_servers_own_page_infers_where_no_other_may() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, add_sub_json(), Origin="http://localhost")
    assert (answer.status, "access-control-allow-origin" in answer.headers) == (200, False)
