"""Inference on a real connection: order, errors and manners."""

import asyncio
import json
import re

import numpy as np
import pytest

from headrace.protocols.request_id import Ids
from headrace.records import RequestRecord
from tests.protocols.oip.fake_transport import connect
from tests.protocols.oip.http_server import request_bytes
from tests.protocols.oip.infer_bodies import ADD_SUB, LATE, add_sub_binary, add_sub_json, floats, server
from tests.protocols.oip.stub import Stub


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


async def test_an_error_says_what_where_and_its_code() -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, b'{"inputs":[{"name":"x","datatype":"FP32"}]}')
    named = {"request_id": answer.headers["x-request-id"]}
    told = {"error": "inputs[0].shape: is missing", "code": "invalid_request"}
    assert (answer.status, answer.json) == (400, told | named)


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


@pytest.mark.parametrize(
    ("path", "header", "status", "where"),
    [
        ("/v2/models/nothing/infer", "X-Mine", 404, "model 'nothing' is not in the repository"),
        ("/v2/models/add_sub_loading/infer", "X-Mine", 503, "model 'add_sub_loading' is"),
        (ADD_SUB, "X-Slo-Ms", 400, "x-slo-ms: '0' is not a number of milliseconds above 0"),
    ],
)
async def test_a_client_is_not_told_to_send_a_body_that_its_head_has_lost(
    path: str, header: str, status: int, where: str
) -> None:
    body = add_sub_json()
    async with server() as (_, wire):
        wire.send(request_bytes("POST", path, body, **{"Expect": "100-continue", header: "0"})[: -len(body)])
        answer = await wire.answer()
        assert answer.status == status
        assert answer.json["error"].startswith(where)
        assert await wire.closed()


async def test_a_request_whose_head_has_lost_it_is_recorded_by_its_id() -> None:
    async with server() as (stub, wire):
        wire.send(request_bytes("POST", "/v2/models/nothing/infer", b"", Expect="100-continue", X_Request_Id="r-1"))
        assert (await wire.answer()).headers["x-request-id"] == "r-1"
    (record,) = stub.records
    assert isinstance(record, RequestRecord)
    assert (record.id, record.model, record.error) == ("r-1", "nothing", "model_not_found")


async def test_a_client_that_holds_its_body_back_is_refused_in_its_turn() -> None:
    body, first = add_sub_json(), request_bytes("POST", LATE, floats(1))
    async with server() as (stub, wire):
        held = request_bytes("POST", "/v2/models/nothing/infer", body, Expect="100-continue")
        wire.send(first + held[: -len(body)])
        await stub.late.arrived.wait()
        stub.late.answer_next()
        assert [(await wire.answer()).status, (await wire.answer()).status] == [200, 404]
        assert await wire.closed()


async def test_http_1_0_is_answered_and_closed() -> None:
    async with server() as (_, wire):
        wire.send(request_bytes("POST", ADD_SUB, add_sub_json()).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await wire.closed()


@pytest.mark.parametrize("path", [ADD_SUB, "/v2/repository/index"])
async def test_http_1_0_has_no_interim_answer(path: str) -> None:
    async with server() as (_, wire):
        sent = request_bytes("POST", path, add_sub_json(), Expect="100-continue")
        wire.send(sent.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert (await wire.answer()).status == 200


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


async def test_every_answer_names_its_request() -> None:
    async with server(Stub(ids=Ids())) as (_, wire):
        known = await wire.ask("GET", "/v2/models/add_sub", b"", X_Request_Id="r-1")
        missing = await wire.ask("GET", "/v2/models/nothing", b"", X_Request_Id="r-2")
        unnamed = [await wire.ask("GET", "/nowhere") for _ in range(2)]
    assert (known.headers["x-request-id"], missing.headers["x-request-id"]) == ("r-1", "r-2")
    assert missing.json["request_id"] == "r-2"
    assert len({answer.headers["x-request-id"] for answer in unnamed}) == 2


async def test_the_request_id_is_echoed() -> None:
    async with server() as (stub, wire):
        answer = await wire.ask("POST", ADD_SUB, add_sub_json(), X_Request_Id="r-1")
        refused = await wire.ask("POST", ADD_SUB, b"{}", X_Request_Id="r-2")
        odd = await wire.ask("POST", ADD_SUB, add_sub_json(), X_Request_Id="an\tid")
    assert (answer.headers["x-request-id"], refused.headers["x-request-id"]) == ("r-1", "r-2")
    assert odd.headers["x-request-id"] == "an%09id"
    assert [each.id for each in stub.servables["add_sub"].requests] == ["r-1", "an\tid"]


async def test_the_same_request_is_answered_alike_without_the_lane() -> None:
    body, length = add_sub_binary()
    answers = []
    for with_lane in (True, False):
        async with server(with_lane=with_lane) as (_, wire):
            headers = {"Inference_Header_Content_Length": str(length)}
            answers += [await wire.ask("POST", ADD_SUB, body, X_Request_Id="r", **headers)]
            answers += [
                await wire.ask("POST", ADD_SUB, b"{}", X_Request_Id="r"),
                await wire.ask("POST", "/v2/models/refuse/infer", floats(1), X_Request_Id="r"),
            ]
    assert [answer.body for answer in answers[:3]] == [answer.body for answer in answers[3:]]
    assert [answer.status for answer in answers[:3]] == [answer.status for answer in answers[3:]] == [200, 400, 503]


# ---- which URLs are infer routes


def binary_post(value: int, last: bytes = b"") -> bytes:
    """An inference in binary whose head is the same to the byte for every value."""
    sent = {"name": "INPUT0", "shape": [1, 16], "datatype": "INT32", "parameters": {"binary_data_size": 64}}
    head = json.dumps({"inputs": [sent, {**sent, "name": "INPUT1"}], "parameters": {"binary_data_output": True}})
    body = head.encode() + np.full(32, value, np.int32).tobytes()
    return request_bytes("POST", ADD_SUB, body, Inference_Header_Content_Length=str(len(head))) + last


def sums(written: bytes) -> list[int]:
    """The first sum of each answer."""
    bodies = [part.partition(b"\r\n\r\n")[2] for part in written.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    return [int(np.frombuffer(body[-128:-64], np.int32)[0]) for body in bodies]


@pytest.mark.parametrize("cut", [1, 10, 0.5, -1])
async def test_a_head_that_repeats_is_answered_however_its_bytes_arrive(cut: float) -> None:
    connection, transport = connect(Stub())
    connection.data_received(binary_post(1))
    second = binary_post(2)
    at = int(len(second) * cut) if isinstance(cut, float) else int(cut)
    connection.data_received(second[:at])
    connection.data_received(second[at:])
    assert sums(transport.written) == [2, 4]


async def test_a_head_that_repeats_begins_with_its_own_first_byte() -> None:
    connection, transport = connect(Stub())
    before, after = request_bytes("POST", ADD_SUB, b"POST /x?"), binary_post(1)
    connection.data_received(before[:-8])
    connection.data_received(before[-8:] + after)
    connection.data_received(before[-8:] + after)
    assert re.findall(rb"HTTP/1.1 (\d+)", transport.written) == [b"400", b"200", b"400"]


async def test_a_head_that_repeats_gives_each_request_its_own_deadline() -> None:
    stub = Stub()
    sent = request_bytes("POST", LATE, floats(1.0), X_SLO_MS="50", X_Tenant="alice")
    connection, _ = connect(stub)
    contexts = []
    for _ in range(2):
        connection.data_received(sent)
        contexts.append(stub.late.waiting[0][0].context)
        stub.late.answer_next()
    assert [context.tenant for context in contexts] == ["alice", "alice"]
    assert all(context.deadline_ns == context.arrived_ns + 50_000_000 for context in contexts)
    assert contexts[0].arrived_ns < contexts[1].arrived_ns


async def test_repeated_heads_may_be_pipelined_with_any_other_request() -> None:
    connection, transport = connect(Stub())
    connection.data_received(binary_post(1))
    connection.data_received(binary_post(2) + binary_post(3) + add_sub_post() + binary_post(4, binary_post(5)[:20]))
    for _ in range(20):
        await asyncio.sleep(0)
    connection.data_received(binary_post(5)[20:])
    assert sums(transport.written)[:2] == [2, 4]
    assert transport.written.count(b"HTTP/1.1 200 OK") == 6


async def test_a_client_that_leaves_within_a_repeated_request_leaves_nothing_behind() -> None:
    stub = Stub()
    connection, transport = connect(stub)
    connection.data_received(binary_post(1))
    connection.data_received(binary_post(2)[:-5])
    connection.connection_lost(None)
    assert sums(transport.written) == [2]
    assert stub.front.gateway.in_flight == 0


def add_sub_post() -> bytes:
    return request_bytes("POST", ADD_SUB, add_sub_json())
