"""Every route of the protocol over HTTP answers as its golden exchange says."""

from pathlib import Path

import pytest
from starlette.routing import Route

from headrace.protocols.oip.routes import create_app
from tests.conformance.http.golden import FOLDER, read
from tests.protocols.oip.http_server import connected, request_bytes, serving
from tests.protocols.oip.stub import Stub

FILES = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_exchange_is_as_it_is_written(file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(192))
    exchange = read(file)
    stub = Stub(folder=tmp_path)
    stub.front.regions.register("given", "/file", 0, 192)
    async with serving(stub) as (port, _), connected(port) as wire:
        wire.send(request_bytes(exchange.method, exchange.path, exchange.body, **exchange.headers))
        answer = await wire.answer()
    stub.front.regions.close()
    assert (answer.status, answer.body) == (exchange.status, exchange.answer_body)
    assert {name: answer.headers.get(name) for name in exchange.answer_headers} == exchange.answer_headers


async def test_every_route_has_an_exchange() -> None:
    exchanges = [read(file) for file in FILES]
    for route in create_app(Stub().front).routes:
        assert isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}:
            assert any(exchange.method == method and route.path_regex.match(exchange.path) for exchange in exchanges), (
                f"no golden exchange for {method} {route.path}"
            )
