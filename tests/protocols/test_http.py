"""Bodies and errors of ordinary routes."""

import gzip
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import suppress
from random import randbytes
from typing import Any

import msgspec
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.errors import BodyTooLarge, InvalidRequest, MemoryFull, QueueFull
from headrace.protocols.bodies import Bodies
from headrace.protocols.http import Bounded, json_response, no_such_path, on_error, read_body, read_json, wrong_method
from headrace.protocols.http_error import body_too_large
from tests.protocols.test_beside import Expecting


def _request(*parts: bytes, **headers: str) -> Request:
    async def messages() -> AsyncIterator[dict[str, object]]:
        for part in parts:
            yield {"type": "http.request", "body": part, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": raw}
    scope["server"] = ("test", 80)
    return Request(scope, messages().__anext__)


async def test_a_body_is_put_together() -> None:
    assert bytes(await read_body(_request(b"ab", b"c"), 3)) == b"abc"


async def test_a_body_over_the_limit_is_refused() -> None:
    with pytest.raises(BodyTooLarge):
        await read_body(_request(b"ab", b"cd"), 3)
    with pytest.raises(BodyTooLarge):
        await read_body(_request(content_length="4"), 3)


@pytest.mark.parametrize("limit_bytes", [1 << 20, 200_000])
async def test_a_body_counts_among_all_bodies_until_its_request_is_answered(limit_bytes: int) -> None:
    bodies, seen = Bodies(limit_bytes), list[int]()
    request = _request(bytes(100_000), bytes(100_000), bytes(100_000))

    async def watched() -> MutableMapping[str, Any]:
        seen.append(bodies.total)
        return await request.receive()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(Request(scope, receive), limit_bytes)
        seen.append(bodies.total)

    with suppress(BodyTooLarge):
        await _ask(Bounded(app, bodies), request, watched)
    assert seen == [0, 100_000, 200_000, *([300_000, 300_000] if limit_bytes > 300_000 else [])]
    assert bodies.total == 0


async def test_a_body_counts_as_it_is_unpacked() -> None:
    bodies, seen = Bodies(1 << 20), list[int]()
    request = _request(gzip.compress(bytes(500_000)), content_encoding="gzip")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(Request(scope, receive), 1 << 20)
        seen.append(bodies.total)

    await _ask(Bounded(app, bodies), request, request.receive)
    assert (seen, bodies.total) == ([500_000], 0)


async def test_a_body_that_has_no_room_among_all_is_refused() -> None:
    bodies = Bodies(1)
    counted = bodies.grown(0, 64 << 20)
    request = _request(bytes(100_000))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(Request(scope, receive), 1 << 20)

    with pytest.raises(MemoryFull):
        await _ask(Bounded(app, bodies), request, request.receive)
    assert bodies.total == counted


async def test_a_drain_waits_for_a_body_that_is_unpacked_until_its_request_is_answered() -> None:
    request, seen, expecting = (
        _request(gzip.compress(randbytes(2000)), content_encoding="gzip"),
        list[int](),
        Expecting(),
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(expecting.under_way)
        await read_body(Request(scope, receive), 1 << 20)
        seen.append(expecting.under_way)

    await _ask(Bounded(app, Bodies(1 << 20), expecting), request, request.receive)
    assert (seen, expecting.under_way) == ([0, 1], 0)


async def _ask(app: ASGIApp, request: Request, receive: Receive) -> None:
    async def send(message: MutableMapping[str, Any]) -> None: ...

    await app(request.scope, receive, send)


async def test_a_body_of_elements_beyond_number_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(InvalidRequest, match="the body is of more than 1048576 elements"):
        await read_json(_request(b"[" + b"[]," * (64 << 10) + b"[]]"), msgspec.json.Decoder(), 64 << 20)


async def test_a_long_body_of_few_elements_is_decoded() -> None:
    text = "a, b: " * 100_000 + "c" * (2 << 20)
    assert await read_json(_request(msgspec.json.encode([text])), msgspec.json.Decoder(list[str]), 64 << 20) == [text]


async def test_no_body_is_an_empty_object() -> None:
    assert await read_json(_request(), msgspec.json.Decoder(dict[str, int]), 10) == {}


async def test_errors_become_json_answers() -> None:
    answer = await on_error(_request(), QueueFull("full", retry_after_s=3))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert json.loads(bytes(answer.body))["code"] == "queue_full"


async def test_a_wrong_method_keeps_its_allow_header() -> None:
    answer = await on_error(_request(), HTTPException(405, headers={"Allow": "GET"}))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert json.loads(bytes(answer.body))["error"] == "POST is not for /x; use GET"


async def test_a_fault_says_nothing_of_its_inside() -> None:
    answer = await on_error(_request(), RuntimeError("secret"))
    assert answer.status_code == 500
    assert b"secret" not in bytes(answer.body)


async def test_a_client_that_is_gone_is_no_fault() -> None:
    assert (await on_error(_request(), ClientDisconnect())).status_code == 200


def test_a_value_is_answered_as_json() -> None:
    answer = json_response({"a": (1,)}, 201)
    assert (answer.status_code, answer.headers["content-type"], bytes(answer.body)) == (
        201,
        "application/json",
        b'{"a":[1]}',
    )


def test_the_limit_is_named_with_its_setting() -> None:
    assert str(body_too_large(5)) == "the body is over the limit of 5 bytes (server.max_body_bytes)"
    assert issubclass(BodyTooLarge, InvalidRequest)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/chat/completions", "; did you mean /v1/chat/completions? The base URL of OpenAI's clients ends in /v1"),
        ("/score", "; /v1/rerank scores texts"),
        ("/v3", ""),
    ],
)
def test_a_path_that_another_server_has_is_refused_with_the_right_one(path: str, hint: str) -> None:
    assert no_such_path(path).message == f"there is no {path} here{hint}"


def test_a_method_that_another_server_has_is_refused_with_the_right_path() -> None:
    assert wrong_method("POST", "/v1/models/m", "GET").message == "POST is not for /v1/models/m; use GET"
    refused = wrong_method("POST", "/v1/models/m:predict", "GET").message
    assert refused.startswith("POST is not for /v1/models/m:predict; tensors are sent to /v2/models/m/infer")
