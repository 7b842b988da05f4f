"""Every route of the OpenAI API answers as its golden exchange says, streams to the last byte."""

import re
from pathlib import Path

import pytest
from starlette.routing import Route

from headrace.protocols.endpoint import Elsewhere, Endpoint
from headrace.protocols.openai.routes import routes
from tests.conformance.http.golden import read
from tests.protocols.dialect_server import whole
from tests.protocols.oip.stub import Stub
from tests.protocols.openai.server import openai_server

FILES = sorted((Path(__file__).parent / "exchanges").glob("*.txt"))
NEW_ID = re.compile(rb"([-_])[0-9a-f]{24}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_exchange_is_as_it_is_written(file: Path) -> None:
    exchange = read(file)
    async with openai_server() as server:
        status, headers, body = await whole(server.port, exchange.method, exchange.path, exchange.body)
    assert (status, NEW_ID.sub(rb"\1new", body)) == (exchange.status, exchange.answer_body)
    assert {name: headers.get(name) for name in exchange.answer_headers} == exchange.answer_headers


async def test_every_route_has_an_exchange() -> None:
    exchanges = [read(file) for file in FILES]
    for route in routes(Stub().front):
        assert isinstance(route, Route)
        assert isinstance(route.endpoint, Endpoint)
        methods = ["GET"] if isinstance(route, Elsewhere) else route.endpoint.handles  # that says the same to all
        for method in methods:
            assert any(exchange.method == method and route.path_regex.match(exchange.path) for exchange in exchanges), (
                f"no golden exchange for {method} {route.path}"
            )
