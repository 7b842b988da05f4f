"""Wire, requests and target of one server fit together."""

import pytest

from headrace.arrivals import Arrival
from headrace.bench.address import Address, Protocol
from headrace.bench.connection import Asking, Server
from headrace.bench.hpack_plain import read_plain
from headrace.types import TensorSpec
from tests.fakes import FakeClock

SPECS = [TensorSpec("x", "FP32", (-1, 3))]


def _server(protocol: Protocol) -> Server:
    asking = Asking(Address("host", 80), protocol, "m", headers={"x-slo-ms": "50"}, tenant="blue")
    return Server(asking, FakeClock())


@pytest.mark.parametrize("protocol", ["http", "chat"])
async def test_requests_over_http_carry_headers_and_tenant(protocol: Protocol) -> None:
    server = _server(protocol)
    made = server.source(SPECS, [], 0).make(Arrival(0.0))
    assert b"\r\nx-slo-ms: 50\r\n" in made.head
    assert b"\r\nx-tenant: blue\r\n" in made.head
    await server.close()


async def test_calls_carry_them_as_metadata() -> None:
    server = _server("grpc")
    made = server.source(SPECS, [], 0).make(Arrival(0.0, tenant="red"))
    fields = read_plain(made.head)
    assert fields
    assert (fields[b"x-slo-ms"], fields[b"x-tenant"]) == (b"50", b"red")
    assert fields[b":path"] == b"/inference.GRPCInferenceService/ModelInfer"
    await server.close()
