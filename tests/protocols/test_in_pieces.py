"""Answers go out a piece at a time, and are given up where nobody takes them."""

import asyncio
from collections.abc import MutableMapping
from types import SimpleNamespace
from typing import Any

from headrace.protocols.in_pieces import SENT_BYTES, InPieces
from headrace.protocols.sse import CONNECTION


async def _receive() -> MutableMapping[str, Any]:
    raise AssertionError("nothing more is read")


async def test_pieces_are_sent_some_together_with_the_length_of_all() -> None:
    sent = list[MutableMapping[str, Any]]()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    half = b"x" * (SENT_BYTES // 2)
    await InPieces([b"[", half, half, half, b"]"], {"x-a": "b"})({"type": "http"}, _receive, send)
    headers = dict(sent[0]["headers"])
    assert headers[b"content-length"] == b"%d" % (2 + 3 * len(half))
    assert (headers[b"content-type"], headers[b"x-a"]) == (b"application/json", b"b")
    assert [len(message["body"]) for message in sent[1:]] == [1 + 2 * len(half), len(half) + 1, 0]
    assert [message["more_body"] for message in sent[1:]] == [True, True, False]


async def test_a_client_that_takes_nothing_loses_its_connection() -> None:
    aborted = list[bool]()
    transport = SimpleNamespace(abort=lambda: aborted.append(True))
    connection = {"transport": transport, "flow": SimpleNamespace(write_paused=True)}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    scope = {"type": "http", "extensions": {CONNECTION: connection}}
    await InPieces([b"{}"], patience_s=0.0)(scope, _receive, send)
    assert aborted == [True]
