"""Which version of a model stands for it, over HTTP."""

from tests.protocols.oip.http_server import connected, serving
from tests.protocols.oip.stub import Stub


async def test_a_rollback_is_answered_with_the_version_that_stands_now() -> None:
    stub = Stub()
    async with serving(stub) as (port, _), connected(port) as wire:
        answer = await wire.ask("POST", "/v2/headrace/models/add_sub/rollback", b"")
        unknown = await wire.ask("POST", "/v2/headrace/models/nobody/rollback", b"")
    assert (answer.status, answer.json) == (200, {"name": "add_sub", "version": "1"})
    assert unknown.status == 404
    assert stub.repository.calls == [("roll_back", "add_sub")]
