"""The ordinary routes, on a real connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from headrace.protocols.oip.front import EXTENSIONS
from tests.protocols.oip.http_server import Wire, connected, serving
from tests.protocols.oip.stub import Stub


@asynccontextmanager
async def server(stub: Stub | None = None) -> AsyncIterator[tuple[Stub, Wire]]:
    stub = stub or Stub()
    async with serving(stub) as (port, _), connected(port) as wire:
        yield stub, wire


@pytest.mark.parametrize("path", ["/v2/health/live", "/livez", "/healthz", "/health"])
async def test_the_server_is_live(path: str) -> None:
    async with server() as (stub, wire):
        stub.is_ready = False
        answer = await wire.ask("GET", path)
    assert (answer.status, answer.json) == (200, {"live": True})


@pytest.mark.parametrize("path", ["/v2/health/ready", "/readyz"])
async def test_the_server_is_ready_once_its_models_are(path: str) -> None:
    async with server() as (stub, wire):
        assert (await wire.ask("GET", path)).json == {"ready": True}
        stub.is_ready = False
        answer = await wire.ask("GET", path)
    assert (answer.status, answer.json) == (400, {"ready": False})


async def test_the_server_names_itself_and_its_extensions() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("GET", "/v2")
    assert answer.json == {"name": "headrace", "version": "0.0.0", "extensions": list(EXTENSIONS)}


async def test_a_models_metadata_has_its_versions_inputs_and_outputs() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("GET", "/v2/models/add_sub")
    assert answer.json == {
        "name": "add_sub",
        "versions": ["1", "2"],
        "platform": "stub",
        "inputs": [{"name": f"INPUT{i}", "datatype": "INT32", "shape": [-1, 16]} for i in (0, 1)],
        "outputs": [{"name": f"OUTPUT{i}", "datatype": "INT32", "shape": [-1, 16]} for i in (0, 1)],
    }


@pytest.mark.parametrize(
    ("path", "status", "ready"),
    [
        ("add_sub", 200, True),
        ("add_sub/versions/1", 200, True),
        ("nothing", 404, False),
        ("add_sub_loading", 503, False),
    ],
)
async def test_a_model_says_whether_it_is_ready(path: str, status: int, ready: bool) -> None:
    async with server() as (_, wire):
        answer = await wire.ask("GET", f"/v2/models/{path}/ready")
    assert (answer.status, answer.json["ready"]) == (status, ready)


@pytest.mark.parametrize(("path", "code"), [("nothing", "model_not_found"), ("add_sub_loading", "model_unavailable")])
async def test_one_that_is_not_ready_is_told_as_every_error_is(path: str, code: str) -> None:
    async with server() as (_, wire):
        answer = await wire.ask("GET", f"/v2/models/{path}/ready", x_request_id="mine")
    assert (answer.json["name"], answer.json["code"], answer.json["request_id"]) == (path, code, "mine")
    assert path in answer.json["error"]


async def test_a_models_configuration_is_handed_on() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("GET", "/v2/models/add_sub/versions/v1/config")
    assert answer.json == {"name": "add_sub", "max_batch_size": 8}


@pytest.mark.parametrize(
    ("path", "entries"),
    [
        ("/v2/models/add_sub/stats", [("add_sub", "1"), ("add_sub", "2")]),
        ("/v2/models/add_sub/versions/2/stats", [("add_sub", "2")]),
    ],
)
async def test_statistics_are_of_a_model_or_a_version(path: str, entries: list[tuple[str, str]]) -> None:
    async with server() as (_, wire):
        answer = await wire.ask("GET", path)
    assert [(entry["name"], entry["version"]) for entry in answer.json["model_stats"]] == entries


async def test_statistics_of_everything() -> None:
    async with server() as (stub, wire):
        answer = await wire.ask("GET", "/v2/models/stats")
    assert {entry["name"] for entry in answer.json["model_stats"]} == set(stub.registry.names())


async def test_the_metrics_page_is_prometheus_text() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.body == b"# TYPE up gauge\nup 1\n"


async def test_trace_settings_of_a_model_are_changed_and_cleared() -> None:
    async with server() as (_, wire):
        changed = await wire.ask(
            "POST",
            "/v2/models/add_sub/trace/setting",
            b'{"trace_rate":"5","trace_level":["TIMESTAMPS"],"trace_count":7}',
        )
        server_wide = await wire.ask("GET", "/v2/trace/setting")
        cleared = await wire.ask("POST", "/v2/models/add_sub/trace/setting", b'{"trace_rate":null}')
    assert changed.json == {
        "trace_file": "",
        "trace_level": ["TIMESTAMPS"],
        "trace_rate": "5",
        "trace_count": "7",
        "log_frequency": "0",
    }
    assert server_wide.json["trace_rate"] == "1000"
    assert (cleared.json["trace_rate"], cleared.json["trace_count"]) == ("1000", "7")


async def test_log_settings_are_changed() -> None:
    async with server() as (_, wire):
        await wire.ask("POST", "/v2/logging", b'{"log_verbose_level":1}')
        answer = await wire.ask("GET", "/v2/logging")
    assert answer.json["log_verbose_level"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/v2/models/nothing", b"", 404, "model 'nothing' is not in the repository"),
        ("GET", "/v2/models/add_sub/versions/X", b"", 404, "'X' is not a version of model 'add_sub'"),
        ("GET", "/v2/models/add_sub/versions/x", b"", 404, "model 'add_sub' has no label 'x'"),
        ("GET", "/v2/models/nothing/config", b"", 404, "model 'nothing'"),
        ("GET", "/v2/models/nothing/stats", b"", 404, "model 'nothing'"),
        ("GET", "/v2/models/nothing/trace/setting", b"", 404, "model 'nothing'"),
        ("POST", "/v2/trace/setting", b'{"speed":"1"}', 400, "speed: there is no such trace setting"),
        ("POST", "/v2/trace/setting", b'{"trace_rate":{}}', 400, "trace_rate: expected"),
        ("POST", "/v2/logging", b'{"log_info":"yes"}', 400, "log_info: 'yes' is neither true nor false"),
        ("POST", "/v2/logging", b"[]", 400, "expected an object, got an array"),
        ("GET", "/elsewhere", b"", 404, "there is no /elsewhere here"),
        ("DELETE", "/v2/logging", b"", 405, "DELETE is not for /v2/logging; use"),
        ("POST", "/v2/models/add_sub", b"", 405, "POST is not for /v2/models/add_sub; use"),
        ("GET", "/v2/models/%2e%2e%2fx/config", b"", 404, "there is no"),
    ],
)
async def test_what_is_wrong_is_said_in_json(method: str, path: str, body: bytes, status: int, message: str) -> None:
    async with server() as (_, wire):
        answer = await wire.ask(method, path, body)
    assert answer.status == status
    assert answer.json["error"].startswith(message)


async def test_a_body_over_the_limit_is_refused_on_every_route() -> None:
    async with server(Stub(max_body_bytes=100)) as (_, wire):
        announced = await wire.ask("POST", "/v2/logging", bytes(101))
        wire.send(b"POST /v2/logging HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + bytes(101))
        chunked = await wire.answer()
    assert (announced.status, chunked.status) == (413, 413)


async def test_a_fault_of_a_route_is_a_500_in_json() -> None:
    stub = Stub()
    stub.servables.clear()

    async def broken(accept: str) -> tuple[str, bytes]:
        raise RuntimeError("no page")

    object.__setattr__(stub.front, "metrics", broken)
    async with server(stub) as (_, wire):
        answer = await wire.ask("GET", "/metrics")
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert "no page" not in answer.json["error"]
