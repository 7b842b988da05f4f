"""Whatever arrives on a connection, each request gets an answer that is not a 500, and the server goes on.

Valid requests are changed byte by byte, cut, repeated and sent in pieces to a real connection over a transport that
keeps what is written.
"""

import asyncio
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.oip.fake_transport import connect
from tests.protocols.oip.http_server import request_bytes
from tests.protocols.oip.stub import Stub, numbers


def _converse(pieces: list[bytes]) -> bytes:
    """What a connection answers to these pieces."""

    async def run() -> bytes:
        stub = Stub(max_body_bytes=4096, max_header_bytes=2048)
        connection, transport = connect(stub)
        for piece in pieces:
            connection.data_received(piece)
        for _ in range(10):  # ASGI's tasks, and the turns of pipelined requests
            await asyncio.sleep(0)
        connection.connection_lost(None)
        assert stub.gateway.in_flight == 0
        return transport.written

    return asyncio.run(run())


def _binary() -> bytes:
    inputs = [
        {"name": f"INPUT{i}", "shape": [1, 16], "datatype": "INT32", "parameters": {"binary_data_size": 64}}
        for i in (0, 1)
    ]
    outputs = [{"name": "OUTPUT0", "parameters": {"binary_data": True, "classification": 2}}, {"name": "OUTPUT1"}]
    head = json.dumps({"id": "b", "inputs": inputs, "outputs": outputs, "parameters": {"timeout": 9}}).encode()
    raw = b"".join(array.tobytes() for array in numbers())
    return request_bytes("POST", "/v2/models/add_sub/infer", head + raw, Inference_Header_Content_Length=str(len(head)))


def _json() -> bytes:
    value = {"name": "INPUT", "shape": [2, 3], "datatype": "FP32", "data": [[1, 2, 3], [4, 5, 6e3]]}
    return request_bytes("POST", "/v2/models/scores/versions/1/infer", json.dumps({"inputs": [value]}).encode())


def _strings() -> bytes:
    value = {"name": "INPUT", "shape": [2], "datatype": "BYTES", "data": ["a", "é\n"]}
    return request_bytes("POST", "/v2/models/echo/infer", json.dumps({"inputs": [value]}).encode(), Accept_Encoding="*")


def _raw() -> bytes:
    body = np.zeros(6, np.float32).tobytes()
    return request_bytes("POST", "/v2/models/scores/infer", body, Inference_Header_Content_Length="0")


def _chunked() -> bytes:
    head = b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: upgrade\r\n"
    return head + b"Upgrade: h2c\r\n\r\n2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n"


VALID = [_binary(), _json(), _strings(), _raw(), _chunked()]


@st.composite
def _spoiled(draw: st.DrawFn) -> bytes:
    request = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(request)))
        what = draw(st.sampled_from(["replace", "insert", "remove", "repeat", "digit"]))
        if what == "replace":
            request[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif what == "insert":
            request[at:at] = draw(st.sampled_from([b"-", b"[", b"{", b'"', b"\0", b"9999999999", b"null", b"\r\n"]))
        elif what == "remove":
            del request[at : at + draw(st.integers(1, 40))]
        elif what == "repeat":
            request[at:at] = request[at : at + draw(st.integers(1, 40))]
        else:
            digits = [match.start() for match in re.finditer(rb"[0-9]", request)]
            if digits:
                request[draw(st.sampled_from(digits))] = ord("0") + draw(st.integers(0, 9))
    return bytes(request)


@pytest.mark.fuzz
@given(st.lists(_spoiled(), min_size=1, max_size=3), st.integers(1, 400))
def test_spoiled_requests_get_answers_that_are_no_fault_of_the_server(requests: list[bytes], size: int) -> None:
    sent = b"".join(requests)
    written = _converse([sent[at : at + size] for at in range(0, len(sent), size)])
    statuses = re.findall(rb"HTTP/1\.1 ([0-9]{3})", written)
    assert not [status for status in statuses if status == b"500"], written


@pytest.mark.parametrize("request_", VALID, ids=["binary", "json", "strings", "raw", "chunked"])
def test_a_request_is_answered_alike_however_it_is_cut(request_: bytes) -> None:
    whole = _converse([request_])
    assert re.match(rb"HTTP/1\.1 (200|400)", whole)
    for size in (1, 7, 100):
        assert _converse([request_[at : at + size] for at in range(0, len(request_), size)]) == whole


@given(st.binary(max_size=300))
def test_noise_never_breaks_a_connection(noise: bytes) -> None:
    assert b"HTTP/1.1 500" not in _converse([noise])
