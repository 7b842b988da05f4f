"""The body of an inference over HTTP, as it comes."""

import random
import tracemalloc

import pytest

from headrace.errors import BodyTooLarge
from headrace.protocols.oip.exchange import Exchange
from headrace.protocols.oip.head import read_head
from headrace.types import ModelRef
from tests.protocols.oip.stub import Stub

BODY = b'{"inputs":[{"name":"INPUT","shape":[1],"datatype":"FP32","data":[1]}]}'


def receiving(stub: Stub, headers: dict[bytes, bytes] | None = None) -> Exchange:
    head = read_head(ModelRef("late"), list((headers or {}).items()), True)
    return Exchange(stub.front, head, lambda exchange, answer: None)


async def test_a_body_in_parts_is_put_together() -> None:
    stub = Stub()
    exchange = receiving(stub)
    exchange.receive(BODY[:5])
    exchange.receive(BODY[5:])
    exchange.run()
    assert len(stub.late.waiting) == 1


async def test_a_body_in_countless_small_parts_takes_about_the_memory_that_it_holds() -> None:
    stub = Stub()
    exchange = receiving(stub)
    body = BODY + b" " * 200_000
    tracemalloc.start()
    try:
        for at in range(0, len(body), 2):
            exchange.receive(body[at : at + 2])
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2 * len(body)
    exchange.run()
    assert len(stub.late.waiting) == 1


async def test_a_large_body_is_one_piece_whose_memory_goes_back_to_the_system() -> None:
    exchange = receiving(Stub())
    part, largest = bytes(64 * 1024), 16 << 20
    tracemalloc.start()
    try:
        for _ in range(0, largest, len(part)):
            exchange.receive(bytes(memoryview(part)))
        pieces = [trace.size for trace in tracemalloc.take_snapshot().traces]
    finally:
        tracemalloc.stop()
    assert max(pieces) >= largest
    assert sum(pieces) < 1.25 * largest


@pytest.mark.parametrize("is_length_said", [False, True])
async def test_a_large_body_is_what_its_parts_were(is_length_said: bool) -> None:
    stub = Stub()
    data = random.Random(2).randbytes(9 << 20)
    head = b'{"inputs":[{"name":"INPUT","shape":[%d],"datatype":"FP32","parameters":{"binary_data_size":%d}}]}'
    head %= len(data) // 4, len(data)
    body = head + data
    headers = {b"inference-header-content-length": b"%d" % len(head)}
    if is_length_said:
        headers[b"content-length"] = b"%d" % len(body)
    exchange = receiving(stub, headers=headers)
    for at in range(0, len(body), 1 << 20):
        exchange.receive(body[at : at + (1 << 20)])
    exchange.run()
    ((request, _),) = stub.late.waiting
    assert bytes(request.inputs[0].data) == data


async def test_a_large_body_that_is_abandoned_lets_go_of_its_memory() -> None:
    exchange = receiving(Stub(), headers={b"content-length": b"%d" % (32 << 20)})
    tracemalloc.start()
    try:
        exchange.receive(bytes(9 << 20))
        exchange.abandon()
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most > 32 << 20
    assert held < 1 << 20


async def test_a_body_over_the_limit_is_refused_as_it_arrives() -> None:
    exchange = receiving(Stub(max_body_bytes=10))
    exchange.receive(bytes(10))
    with pytest.raises(BodyTooLarge):
        exchange.receive(b"x")
