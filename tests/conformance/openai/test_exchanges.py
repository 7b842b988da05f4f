"""Every route of the OpenAI API answers as its golden exchange says, streams to the last byte."""

import re
from pathlib import Path

import pytest
from starlette.routing import Route

from headrace.protocols.endpoint import Endpoint
from headrace.protocols.openai.routes import routes
from tests.conformance.http.golden import read
from tests.protocols.oip.http_server import connected, request_bytes
from tests.protocols.oip.stub import Stub
from tests.protocols.openai.server import openai_server

FILES = sorted((Path(__file__).parent / "exchanges").glob("*.txt"))
NEW_ID = re.compile(rb"-[0-9a-f]{24}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_exchange_is_as_it_is_written(file: Path) -> None:
    exchange = read(file)
    async with openai_server() as server:
        status, headers, body = await ask(server.port, exchange.method, exchange.path, exchange.body)
    assert (status, body) == (exchange.status, exchange.answer_body)
    assert {name: headers.get(name) for name in exchange.answer_headers} == exchange.answer_headers


async def ask(port: int, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and the whole body of an answer, whose new ids are made equal."""
    async with connected(port) as wire:
        wire.send(request_bytes(method, path, body, Connection="close"))
        head, _, rest = (await wire.reader.read()).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    whole = _joined(rest) if headers.get("transfer-encoding") == "chunked" else rest
    return int(first.split()[1]), headers, NEW_ID.sub(b"-new", whole)


def _joined(chunked: bytes) -> bytes:
    whole = b""
    while True:
        size, _, chunked = chunked.partition(b"\r\n")
        if not int(size, 16):
            return whole
        whole += chunked[: int(size, 16)]
        chunked = chunked[int(size, 16) + 2 :]


async def test_every_route_has_an_exchange() -> None:
    exchanges = [read(file) for file in FILES]
    for route in routes(Stub().front):
        assert isinstance(route, Route)
        assert isinstance(route.endpoint, Endpoint)
        method = route.endpoint.method
        assert any(exchange.method == method and route.path_regex.match(exchange.path) for exchange in exchanges), (
            f"no golden exchange for {method} {route.path}"
        )
