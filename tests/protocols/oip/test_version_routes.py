"""Which version of a model stands for it, over HTTP."""

import pytest

from headrace.models.wishes import Wishes
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


async def test_labels_are_set_and_taken_back() -> None:
    stub = Stub()
    async with serving(stub) as (port, _), connected(port) as wire:
        path = "/v2/headrace/models/add_sub/labels/stable"
        put = await wire.ask("PUT", path, b'{"version":"v2"}')
        taken = await wire.ask("DELETE", path, b"")
    assert (put.status, put.json) == (200, {"name": "add_sub", "label": "stable", "version": "2"})
    assert taken.status == 200
    assert stub.repository.calls == [("label", "add_sub", "stable", 2), ("label", "add_sub", "stable", None)]


async def test_labels_are_told_and_stand_for_versions() -> None:
    stub = Stub()
    stub.registry.wish("add_sub", Wishes(routed={"stable": 1}, labels={"stable": 1}))
    async with serving(stub) as (port, _), connected(port) as wire:
        labels = await wire.ask("GET", "/v2/headrace/models/add_sub/labels")
        there = await wire.ask("GET", "/v2/models/add_sub/versions/stable/ready")
        not_there = await wire.ask("GET", "/v2/models/add_sub/versions/canary")
    assert labels.json == {"stable": "1"}
    assert there.status == 200
    assert (not_there.status, "no label 'canary'; labels: stable" in not_there.json["error"]) == (404, True)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"version":2}', b'{"version":""}', b'{"version":"stable"}', b'{"x":1}'])
async def test_a_label_is_set_to_the_number_of_a_version(body: bytes) -> None:
    stub = Stub()
    async with serving(stub) as (port, _), connected(port) as wire:
        answer = await wire.ask("PUT", "/v2/headrace/models/add_sub/labels/stable", body)
    assert answer.status == 400
    assert stub.repository.calls == []
