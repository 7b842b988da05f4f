"""Inference on a real connection: order, limits, disconnects and shutdown."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from headrace.protocols.oip.infer_lane import Targets
from headrace.types import ModelRef
from tests.protocols.oip.fake_transport import FakeTimers, connect
from tests.protocols.oip.http_server import Wire, connected, request_bytes, serving
from tests.protocols.oip.stub import Stub, numbers

LATE = "/v2/models/late/infer"
ADD_SUB = "/v2/models/add_sub/infer"


def floats(*values: float) -> bytes:
    return json.dumps(
        {"inputs": [{"name": "INPUT", "shape": [len(values)], "datatype": "FP32", "data": values}]}
    ).encode()


def add_sub_json() -> bytes:
    inputs = [
        {"name": f"INPUT{i}", "shape": [1, 16], "datatype": "INT32", "data": array.ravel().tolist()}
        for i, array in enumerate(numbers())
    ]
    return json.dumps({"inputs": inputs}).encode()


def add_sub_binary() -> tuple[bytes, int]:
    inputs = [
        {"name": f"INPUT{i}", "shape": [1, 16], "datatype": "INT32", "parameters": {"binary_data_size": 64}}
        for i in (0, 1)
    ]
    head = json.dumps({"id": "b", "inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return head + b"".join(array.tobytes() for array in numbers()), len(head)


@asynccontextmanager
async def server(stub: Stub | None = None, **options: Any) -> AsyncIterator[tuple[Stub, Wire]]:
    stub = stub or Stub()
    async with serving(stub, **options) as (port, _), connected(port) as wire:
        yield stub, wire


async def test_json_in_json_out() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, add_sub_json())
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["outputs"][0]["data"] == [i + 3 for i in range(16)]
    assert answer.json["model_version"] == "2"
    assert "id" not in answer.json


async def test_binary_in_binary_out() -> None:
    body, length = add_sub_binary()
    async with server() as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, body, Inference_Header_Content_Length=str(length))
    size = int(answer.headers["inference-header-content-length"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert json.loads(answer.body[:size])["id"] == "b"
    assert np.frombuffer(answer.body[size : size + 64], np.int32).tolist() == [i + 3 for i in range(16)]


async def test_a_connection_serves_many_requests_of_both_kinds() -> None:
    async with server() as (_, wire):
        for _ in range(3):
            assert (await wire.ask("POST", ADD_SUB, add_sub_json())).status == 200
            assert (await wire.ask("GET", "/v2/models/add_sub")).json["name"] == "add_sub"


async def test_a_version_is_asked_for_with_or_without_v() -> None:
    async with server() as (_, wire):
        for version in ("1", "v1"):
            answer = await wire.ask("POST", f"/v2/models/add_sub/versions/{version}/infer", add_sub_json())
            assert answer.json["model_version"] == "1"


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with server() as (stub, wire):
        for value in (1.0, 2.0):
            wire.post(LATE, floats(value))
        wire.send(request_bytes("GET", "/v2/health/live"))
        wire.post(ADD_SUB, add_sub_json())
        await stub.late.arrived.wait()
        stub.late.arrived.clear()
        stub.late.answer_next()
        assert (await wire.answer()).json["outputs"][0]["data"] == [1.0]
        await stub.late.arrived.wait()
        stub.late.answer_next()
        assert (await wire.answer()).json["outputs"][0]["data"] == [2.0]
        assert (await wire.answer()).json == {"live": True}
        assert (await wire.answer()).json["model_name"] == "add_sub"


async def test_a_thousand_pipelined_requests_are_all_answered() -> None:
    async with server() as (_, wire):
        wire.send(request_bytes("POST", "/v2/models/scores/infer", b"{}") * 1000)
        statuses = [(await wire.answer()).status for _ in range(1000)]
    assert statuses == [400] * 1000


async def test_an_error_says_what_where_and_its_code() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, b'{"inputs":[{"name":"x","datatype":"FP32"}]}')
    assert (answer.status, answer.json) == (400, {"error": "inputs[0].shape: is missing", "code": "invalid_request"})


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v2/models/nothing/infer", 404, "model_not_found"),
        ("/v2/models/add_sub/versions/9/infer", 404, "version_not_found"),
        ("/v2/models/add_sub/versions/x/infer", 404, "version_not_found"),
        ("/v2/models/add_sub_loading/infer", 503, "model_unavailable"),
        ("/v2/models/refuse/infer", 503, "queue_full"),
        ("/v2/models/..%2F..%2Fetc/infer", 404, "model_not_found"),
        ("/v2/models/%ff%00/infer", 404, "model_not_found"),
        ("/v2/models/infer", 405, "method_not_allowed"),
        ("/v2/models//infer", 404, "not_found"),
    ],
)
async def test_what_cannot_answer_says_so(path: str, status: int, code: str) -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", path, floats(1))
        assert (answer.status, answer.json.get("code")) == (status, code)


async def test_a_full_queue_says_when_to_come_back() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", "/v2/models/refuse/infer", floats(1))
    assert answer.headers["retry-after"] == "1"


async def test_a_fault_in_writing_an_answer_is_a_500_of_that_request_only(caplog: pytest.LogCaptureFixture) -> None:
    async with server() as (_, wire):
        broken = await wire.ask("POST", "/v2/models/break/infer", floats(1))
        after = await wire.ask("POST", ADD_SUB, add_sub_json())
    assert (broken.status, broken.json["code"], after.status) == (500, "internal", 200)
    assert "writing an answer failed" in caplog.text


async def test_a_percent_encoded_name_is_decoded() -> None:
    async with server() as (_, wire):
        assert (await wire.ask("POST", "/v2/models/%61dd_sub/infer?x=1", add_sub_json())).status == 200


async def test_the_wrong_method_is_told_the_right_one() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("GET", ADD_SUB)
    assert (answer.status, answer.headers["allow"], answer.json["code"]) == (405, "POST", "method_not_allowed")


async def test_a_chunked_body_is_put_together() -> None:
    body = add_sub_json()
    head = f"POST {ADD_SUB} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with server() as (_, wire):
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:]))
        wire.send(head + chunks + b"0\r\nTrailer: ignored\r\n\r\n")
        assert (await wire.answer()).status == 200


async def test_the_client_is_told_to_send_the_body_it_holds_back() -> None:
    body = add_sub_json()
    async with server() as (_, wire):
        wire.send(request_bytes("POST", ADD_SUB, body, Expect="100-continue")[: -len(body)])
        assert (await wire.answer()).status == 100
        wire.send(body)
        assert (await wire.answer()).status == 200


async def test_http_1_0_is_answered_and_closed() -> None:
    async with server() as (_, wire):
        wire.send(request_bytes("POST", ADD_SUB, add_sub_json()).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await wire.closed()


async def test_connection_close_is_honoured() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, add_sub_json(), Connection="close")
        assert answer.headers["connection"] == "close"
        assert await wire.closed()


async def test_an_upgrade_is_ignored_and_the_connection_goes_on() -> None:
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"}
    async with server() as (_, wire):
        wire.send(request_bytes("POST", ADD_SUB, add_sub_json(), **upgrade) * 2)
        assert [(await wire.answer()).status for _ in range(2)] == [200, 200]


async def test_the_request_id_is_echoed() -> None:
    async with server() as (stub, wire):
        answer = await wire.ask("POST", ADD_SUB, add_sub_json(), X_Request_Id="r-1")
        refused = await wire.ask("POST", ADD_SUB, b"{}", X_Request_Id="r-2")
        ignored = await wire.ask("POST", ADD_SUB, add_sub_json(), X_Request_Id="bad\tid")
    assert (answer.headers["x-request-id"], refused.headers["x-request-id"]) == ("r-1", "r-2")
    assert "x-request-id" not in ignored.headers
    assert stub.servables["add_sub"].requests[0].id == "r-1"


# ---- limits


async def test_a_body_announced_over_the_limit_is_refused_before_it_is_sent() -> None:
    async with server(Stub(max_body_bytes=1000)) as (_, wire):
        wire.send(request_bytes("POST", ADD_SUB, bytes(1001))[:-1001])
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert "limit of 1000 bytes" in answer.json["error"]


async def test_a_client_that_sends_a_body_over_the_limit_all_the_same_still_gets_the_answer() -> None:
    async with server(Stub(max_body_bytes=1000)) as (_, wire):
        wire.post(ADD_SUB, bytes(4_000_000))
        assert (await wire.answer()).status == 413
        assert await wire.closed()


async def test_a_chunked_body_is_refused_as_soon_as_it_is_over_the_limit() -> None:
    head = f"POST {ADD_SUB} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with server(Stub(max_body_bytes=1000)) as (_, wire):
        wire.send(head + b"3e9\r\n" + bytes(1001))
        assert (await wire.answer()).status == 413


@pytest.mark.parametrize("path", [ADD_SUB, "/v2/health/live"])
@pytest.mark.parametrize("whole", [True, False])
async def test_a_header_block_over_the_limit_is_refused_on_every_route(path: str, whole: bool) -> None:
    async with server(Stub(max_header_bytes=2000)) as (_, wire):
        request = request_bytes("POST", path, b"", X_Long="x" * 3000)
        wire.send(request if whole else request[:-10])
        answer = await wire.answer()
        assert (answer.status, answer.json["code"]) == (431, "headers_too_large")
        assert await wire.closed()


async def test_many_small_headers_over_the_limit_are_refused() -> None:
    async with server(Stub(max_header_bytes=2000)) as (_, wire):
        wire.send(b"GET /v2 HTTP/1.1\r\n" + b"a: b\r\n" * 1000 + b"\r\n")
        assert (await wire.answer()).status == 431


async def test_trailers_over_the_limit_are_refused() -> None:
    head = f"POST {ADD_SUB} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n".encode()
    async with server(Stub(max_header_bytes=2000)) as (_, wire):
        wire.send(head + b"t: " + b"x" * 1_000_000)
        assert (await wire.answer()).status == 431


async def test_a_gzip_body_is_read_and_a_bomb_refused() -> None:
    async with server(Stub(max_body_bytes=10_000)) as (_, wire):
        good = await wire.ask("POST", ADD_SUB, gzip.compress(add_sub_json()), Content_Encoding="gzip")
        bomb = await wire.ask("POST", ADD_SUB, gzip.compress(bytes(20_000)), Content_Encoding="gzip")
    assert (good.status, bomb.status) == (200, 413)


async def test_an_answer_is_compressed_where_the_client_asks() -> None:
    body = floats(*range(3000))
    async with server() as (_, wire):
        plain = await wire.ask("POST", "/v2/models/scores/infer", body.replace(b"[3000]", b"[1000,3]"))
        small = await wire.ask(
            "POST", "/v2/models/scores/infer", body.replace(b"[3000]", b"[1000,3]"), Accept_Encoding="gzip"
        )
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "99999", "9" * 40, ""])
async def test_a_json_length_that_cannot_be_is_refused(length: str) -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, add_sub_json(), Inference_Header_Content_Length=length)
        assert answer.status == 400
        assert "Inference-Header-Content-Length" in answer.json["error"]
        assert (await wire.ask("POST", ADD_SUB, add_sub_json())).status == 200


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
async def test_what_is_not_http_is_answered_and_closed(noise: bytes) -> None:
    async with server() as (_, wire):
        wire.send(noise)
        answer = await wire.answer()
        assert (answer.status, answer.json["code"]) == (400, "invalid_request")
        assert await wire.closed()


async def test_noise_after_a_request_comes_after_its_answer() -> None:
    async with server() as (stub, wire):
        wire.send(request_bytes("POST", LATE, floats(1)) + b"\x00\x01noise\r\n\r\n")
        await stub.late.arrived.wait()
        stub.late.answer_next()
        assert [(await wire.answer()).status, (await wire.answer()).status] == [200, 400]


async def test_a_broken_chunk_is_answered() -> None:
    async with server() as (_, wire):
        wire.send(f"POST {ADD_SUB} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode())
        assert (await wire.answer()).status == 400


async def test_a_broken_chunk_of_an_ordinary_request_closes_its_connection() -> None:
    async with server() as (_, wire):
        wire.send(b"POST /v2/logging HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert await wire.closed()


# ---- the end of a connection


async def test_a_client_that_goes_away_takes_its_requests_with_it() -> None:
    stub = Stub()
    async with serving(stub) as (port, _):
        async with connected(port) as wire:
            wire.post(LATE, floats(1))
            await stub.late.arrived.wait()
            stub.late.arrived.clear()
        await stub.late.arrived.wait()
    assert stub.late.cancelled == 1
    assert stub.gateway.in_flight == 0


async def test_a_running_request_is_answered_at_shutdown_and_the_connection_closed() -> None:
    stub = Stub()
    async with serving(stub) as (port, uvicorn_server), connected(port) as wire:
        wire.post(LATE, floats(1))
        await stub.late.arrived.wait()
        for connection in list(uvicorn_server.server_state.connections):
            connection.shutdown()
        stub.late.answer_next()
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await wire.closed()


async def test_an_idle_connection_is_closed_at_shutdown() -> None:
    stub = Stub()
    async with serving(stub) as (port, uvicorn_server), connected(port) as wire:
        await wire.ask("POST", ADD_SUB, add_sub_json())
        for connection in list(uvicorn_server.server_state.connections):
            connection.shutdown()
        assert await wire.closed()


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(), timers)
    timers.pass_s(4)
    connection.data_received(request_bytes("POST", ADD_SUB, add_sub_json()))
    timers.pass_s(4)
    assert not transport.closed
    timers.pass_s(1)
    assert transport.closed


async def test_a_running_request_keeps_its_connection_open() -> None:
    stub, timers = Stub(), FakeTimers()
    connection, transport = connect(stub, timers)
    connection.data_received(request_bytes("POST", LATE, floats(1)))
    timers.pass_s(60)
    assert not transport.closed
    stub.late.answer_next()
    assert b"200 OK" in transport.written
    timers.pass_s(5)
    assert transport.closed


async def test_a_client_that_is_slow_with_its_headers_is_closed() -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(), timers)
    for _ in range(5):
        connection.data_received(b"POST / HTTP/1.1\r\n"[:4])
        timers.pass_s(1)
    assert transport.closed


async def test_a_client_that_does_not_read_its_answers_is_not_read_from() -> None:
    connection, transport = connect(Stub())
    connection.pause_writing()
    assert not transport.reading
    connection.data_received(request_bytes("POST", ADD_SUB, add_sub_json()) + request_bytes("POST", ADD_SUB, b"{}"))
    await asyncio.sleep(0)
    assert not transport.reading
    connection.resume_writing()
    assert transport.reading


async def test_pipelined_requests_wait_until_the_client_has_read_the_answers_before() -> None:
    stub = Stub()
    connection, transport = connect(stub)
    connection.data_received(request_bytes("POST", LATE, floats(1)) + request_bytes("POST", ADD_SUB, b"{}"))
    assert not transport.reading
    connection.pause_writing()
    stub.late.answer_next()
    await asyncio.sleep(0)
    assert transport.written.count(b"HTTP/1.1") == 1
    connection.resume_writing()
    await asyncio.sleep(0)
    assert transport.written.count(b"HTTP/1.1") == 2
    assert transport.reading


async def test_a_refused_client_that_keeps_sending_is_cut_off_in_the_end() -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(max_body_bytes=10), timers)
    connection.data_received(request_bytes("POST", ADD_SUB, bytes(100)))
    assert b"HTTP/1.1 413" in transport.written
    connection.data_received(bytes(1000))
    assert not transport.closed
    timers.pass_s(5)
    assert transport.closed


async def test_the_same_request_is_answered_alike_without_the_lane() -> None:
    body, length = add_sub_binary()
    answers = []
    for with_lane in (True, False):
        async with server(with_lane=with_lane) as (_, wire):
            answers += [await wire.ask("POST", ADD_SUB, body, Inference_Header_Content_Length=str(length))]
            answers += [
                await wire.ask("POST", ADD_SUB, b"{}"),
                await wire.ask("POST", "/v2/models/refuse/infer", floats(1)),
            ]
    assert [answer.body for answer in answers[:3]] == [answer.body for answer in answers[3:]]
    assert [answer.status for answer in answers[:3]] == [answer.status for answer in answers[3:]] == [200, 400, 503]


# ---- which URLs are infer routes


@pytest.mark.parametrize(
    ("url", "model"),
    [
        (b"/v2/models/m/infer", ModelRef("m")),
        (b"/v2/models/m/versions/3/infer", ModelRef("m", 3)),
        (b"/v2/models/m/versions/v3/infer?a=b", ModelRef("m", 3)),
        (b"http://host:8000/v2/models/m/infer", ModelRef("m")),
        (b"/v2/models/a%2Fb%20c/infer", ModelRef("a/b c")),
        (b"/v2/models/m/generate", None),
        (b"/v2/models/m/versions/x/infer", None),
        (b"/v2/models/m/versions/" + b"9" * 30 + b"/infer", None),
        (b"/v2/models/a/b/infer", None),
        (b"", None),
    ],
)
def test_an_infer_url_names_its_model(url: bytes, model: ModelRef | None) -> None:
    targets = Targets()
    assert targets.get(url) == model
    assert targets.get(url) == model


def test_remembered_urls_are_bounded() -> None:
    targets = Targets(most=2)
    for number in range(10):
        assert targets.get(b"/v2/models/m%d/infer" % number) == ModelRef(f"m{number}")
