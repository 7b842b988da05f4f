"""Shared memory over HTTP."""

from pathlib import Path

import pytest

from tests.protocols.oip.http_server import connected, serving
from tests.protocols.oip.stub import Stub

SYSTEM = "/v2/systemsharedmemory"


async def test_a_region_is_registered_told_and_forgotten(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(10))
    async with serving(Stub(folder=tmp_path)) as (port, _), connected(port) as wire:
        body = b'{"key":"/file","offset":2,"byte_size":8}'
        assert (await wire.ask("POST", f"{SYSTEM}/region/r/register", body)).status == 200
        told = [(await wire.ask("GET", path)).json for path in (f"{SYSTEM}/status", f"{SYSTEM}/region/r/status")]
        assert told == [[{"name": "r", "key": "/file", "offset": 2, "byte_size": 8}]] * 2
        assert (await wire.ask("POST", f"{SYSTEM}/region/r/unregister")).status == 200
        assert (await wire.ask("POST", f"{SYSTEM}/unregister")).status == 200
        assert (await wire.ask("GET", f"{SYSTEM}/region/r/status")).status == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "key: is missing"),
        (b'{"key":"/file"}', "byte_size: is missing"),
        (b'{"key":"/file","byte_size":"8"}', "byte_size: expected an integer, got a string"),
        (b'{"key":"/../x","byte_size":8}', "key: '/../x' is not a key like '/name'"),
        (b'{"key":"/none","byte_size":8}', "key: Unable to open shared memory '/none'"),
    ],
)
async def test_a_wrong_region_is_refused(tmp_path: Path, body: bytes, message: str) -> None:
    async with serving(Stub(folder=tmp_path)) as (port, _), connected(port) as wire:
        answer = await wire.ask("POST", f"{SYSTEM}/region/r/register", body)
    assert answer.status == 400
    assert answer.json["error"].startswith(message)


async def test_the_setting_that_is_off_is_named() -> None:
    async with serving(Stub(shared_memory=False)) as (port, _), connected(port) as wire:
        answer = await wire.ask("GET", f"{SYSTEM}/status")
    assert answer.status == 403
    assert "protocols.oip.shared_memory" in answer.json["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "region/r/status"), ("POST", "region/r/register")],
)
async def test_cuda_is_answered_with_a_clear_no(method: str, path: str) -> None:
    async with serving(Stub()) as (port, _), connected(port) as wire:
        answer = await wire.ask(method, f"/v2/cudasharedmemory/{path}")
    assert answer.status == 501
    assert "use system shared memory" in answer.json["error"]


@pytest.mark.parametrize(
    ("method", "path", "answers"),
    [("GET", "status", b"[]"), ("POST", "unregister", b""), ("POST", "region/r/unregister", b"")],
)
async def test_there_is_no_cuda_memory_to_tell_of_or_to_forget(method: str, path: str, answers: bytes) -> None:
    async with serving(Stub(shared_memory=False)) as (port, _), connected(port) as wire:
        answer = await wire.ask(method, f"/v2/cudasharedmemory/{path}")
    assert (answer.status, answer.body) == (200, answers)
