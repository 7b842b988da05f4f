"""Answers that clients do not take have a limit, all together."""

import numpy as np
import pytest

from headrace.protocols.bodies import UNCOUNTED_BYTES
from headrace.protocols.oip.untaken import Untaken
from tests.protocols.oip.fake_transport import connect
from tests.protocols.oip.http_server import request_bytes
from tests.protocols.oip.infer_bodies import ADD_SUB, add_sub_json
from tests.protocols.oip.stub import Stub


def test_what_waits_counts_until_it_is_taken() -> None:
    untaken = Untaken(100)
    counted = untaken.waits(0, 99)
    assert not untaken.full
    counted = untaken.waits(counted, 100)
    assert untaken.full
    assert untaken.waits(counted, 0) == 0
    assert not untaken.full


@pytest.mark.parametrize("taken", [True, False])
async def test_what_a_connection_leaves_counts_until_it_is_taken_or_gone(taken: bool) -> None:
    stub = Stub(untaken=Untaken(100))
    connection, transport = connect(stub)
    transport.unsent = bytes(100)
    connection.pause_writing()
    full = stub.front.untaken.full
    if taken:
        connection.resume_writing()
    else:
        connection.connection_lost(None)
    assert (full, stub.front.untaken.full) == (True, False)


async def test_a_large_answer_is_refused_where_clients_leave_too_much_and_a_small_one_is_not() -> None:
    stub = Stub(untaken=Untaken(100))
    connection, transport = connect(stub)
    stub.front.untaken.waits(0, 100)
    large = np.zeros(UNCOUNTED_BYTES // 2, "<f2")
    said = b'{"inputs":[{"name":"INPUT","shape":[%d],"datatype":"FP16","parameters":{"binary_data_size":%d}}],' % (
        large.size,
        large.nbytes,
    )
    said += b'"parameters":{"binary_data_output":true}}'
    length = str(len(said))
    connection.data_received(
        request_bytes("POST", "/v2/models/half/infer", said + large.tobytes(), Inference_Header_Content_Length=length)
    )
    connection.data_received(request_bytes("POST", ADD_SUB, add_sub_json()))
    refused, _, rest = transport.written.partition(b"HTTP/1.1 200 OK")
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"memory_full" in refused
    assert b"retry-after: 1\r\n" in refused
    assert rest
