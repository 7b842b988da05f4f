"""Two Host headers are one too many, on every route."""

import pytest

from tests.protocols.oip.infer_bodies import ADD_SUB, server


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v2"), ("GET", "/metrics"), ("POST", ADD_SUB), ("GET", "/nowhere"), ("POST", "/v2/headrace/changes")],
)
async def test_a_request_with_two_host_headers_is_refused(method: str, path: str) -> None:
    async with server() as (_, wire):
        wire.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n".encode())
        answer = await wire.answer()
        assert (answer.status, answer.json["error"]) == (400, "host: is sent twice; send it once")
        assert (await wire.ask("GET", "/v2")).status == 200
