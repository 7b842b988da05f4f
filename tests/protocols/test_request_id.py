"""A request is found again by the id that its answer has."""

from typing import Any

import msgspec
import pytest
from hypothesis import given as cases
from hypothesis import strategies as st
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from headrace.protocols.http_error import HttpError
from headrace.protocols.request_id import Identified, Ids, bounded, given, id_of, of_trace, refused, settle, shown

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_ids_that_are_made_differ_within_a_server_and_between_two() -> None:
    first, second = Ids(), Ids()
    assert len({first(), first(), second(), second()}) == 4


@pytest.mark.parametrize("said", ["r-1", "a b", "a\tb", "\xe4", "日本", "100%"])
def test_what_a_client_sent_is_its_id_whatever_characters_that_has(said: str) -> None:
    assert given(said) == said
    assert given(said.encode().decode("latin-1")) == said


@pytest.mark.parametrize("nothing", ["", " ", "\t"])
def test_a_header_that_says_nothing_is_no_id(nothing: str) -> None:
    assert given(nothing) == ""


def test_an_id_is_kept_to_a_length() -> None:
    assert len(bounded("x" * 10_000_000)) == len(given("x" * 60_000)) == 128


@pytest.mark.parametrize("wrong", ["", "00-0-0-01", TRACE[:-1], TRACE.replace("0af7", "XXXX")])
def test_a_broken_traceparent_names_nothing(wrong: str) -> None:
    assert of_trace(wrong) == ""
    assert of_trace(TRACE) == "0af7651916cd43dd8448eb211c80319c"


@cases(st.text())
def test_whatever_an_id_is_it_stands_on_one_line_of_a_header(id_: str) -> None:
    assert all("\x21" <= each <= "\x7e" for each in shown(id_))


def test_a_refusal_holds_the_id() -> None:
    told = refused(HttpError(400, b'{"error":"no"}', {}), 'a"<b>')
    assert msgspec.json.decode(told.body) == {"error": "no", "request_id": 'a"<b>'}


async def _answer(settled: str = "", **headers: str) -> tuple[str, str]:
    """What an application is told, and what its answer says."""
    told: list[str] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        told.append(settle(scope, settled) if settled else id_of(scope))
        await Response(b"")(scope, receive, send)

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "headers": lines}
    await Identified(app, lambda: "made")(scope, receive, send)
    return told[0], dict(sent[0]["headers"])[b"x-request-id"].decode()


async def test_an_application_answers_with_the_clients_id() -> None:
    assert await _answer(x_request_id="r", traceparent=TRACE) == ("r", "r")


async def test_what_a_header_cannot_hold_is_escaped_in_the_answer() -> None:
    assert await _answer(x_request_id="zoë 1") == ("zoë 1", "zo%C3%AB%201")


async def test_without_one_the_trace_names_the_request_and_else_it_is_named() -> None:
    trace = TRACE[3:35]
    assert await _answer(traceparent=TRACE) == (trace, trace)
    assert await _answer() == ("made", "made")


async def test_an_id_that_a_body_holds_gives_way_to_the_heads_alone() -> None:
    assert await _answer("chat-1") == ("chat-1", "chat-1")
    assert await _answer("chat-1", x_request_id="r") == ("r", "r")
