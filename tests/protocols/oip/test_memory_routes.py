"""Memory is told, and models are pinned in it, over HTTP."""

import pytest

from tests.protocols.oip.http_server import connected, serving
from tests.protocols.oip.stub import Stub


async def test_memory_is_told_as_it_is() -> None:
    stub = Stub(memory=lambda: {"budget_bytes": 7})
    async with serving(stub) as (port, _), connected(port) as wire:
        answer = await wire.ask("GET", "/v2/headrace/memory")
    assert (answer.status, answer.json) == (200, {"budget_bytes": 7})


async def test_a_model_is_pinned_and_let_go() -> None:
    stub = Stub()
    async with serving(stub) as (port, _), connected(port) as wire:
        path = "/v2/headrace/models/add_sub/pin"
        put = await wire.ask("PUT", path, b'{"pinned":true}')
        await wire.ask("PUT", path, b'{"pinned":false}')
        unknown = await wire.ask("PUT", "/v2/headrace/models/nobody/pin", b'{"pinned":true}')
    assert (put.status, put.json) == (200, {"name": "add_sub", "pinned": True})
    assert unknown.status == 404
    assert stub.repository.calls == [("pin", "add_sub", True), ("pin", "add_sub", False)]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"pinned":1}', b'{"pinned":true,"x":1}'])
async def test_a_pin_is_true_or_false(body: bytes) -> None:
    stub = Stub()
    async with serving(stub) as (port, _), connected(port) as wire:
        answer = await wire.ask("PUT", "/v2/headrace/models/add_sub/pin", body)
    assert answer.status == 400
    assert stub.repository.calls == []
