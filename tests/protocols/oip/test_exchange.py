"""One inference over HTTP, without a connection."""

import asyncio
import gc
import gzip
import json
import random
import threading

import msgspec
import pytest

from headrace.errors import BodyTooLarge, InvalidRequest, WouldBeLate
from headrace.protocols.beside import LONG_BYTES, LONG_TENSORS, UNPACKING
from headrace.protocols.oip.exchange import LARGE_BYTES, Answer, Exchange
from headrace.protocols.oip.head import read_head
from headrace.records import RequestRecord
from headrace.types import ModelRef, Response
from tests.protocols.oip.stub import Stub

BODY = b'{"inputs":[{"name":"INPUT","shape":[1],"datatype":"FP32","data":[1]}]}'

PACKED = gzip.compress(BODY[:-1] + b',"id":"%b"}' % random.Random(1).randbytes(2000).hex().encode())

LONG = random.Random(1).randbytes(2 * LONG_BYTES)


class _Asking:
    """An exchange, and what it answered."""

    def __init__(self, stub: Stub, model: str = "late", headers: dict[bytes, bytes] | None = None) -> None:
        self.answers: list[Answer] = []
        self.exchange = Exchange(
            stub.front, read_head(ModelRef(model), list((headers or {}).items()), True), self._answered
        )

    def _answered(self, exchange: Exchange, answer: Answer) -> None:
        self.answers.append(answer)

    def run(self, body: bytes = BODY) -> None:
        self.exchange.receive(body)
        self.exchange.run()

    @property
    def request_id(self) -> str:
        (line,) = [line for line in self.answers[0].headers.splitlines() if line.startswith(b"x-request-id: ")]
        return line.removeprefix(b"x-request-id: ").decode()

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(b"".join(self.answers[0].parts))
        return found


async def test_it_is_answered_once_the_model_answers() -> None:
    stub = Stub()
    asking = _Asking(stub)
    asking.run()
    assert not asking.exchange.response_complete
    stub.late.answer_next()
    assert asking.exchange.response_complete
    assert asking.answers[0].status == 200


async def test_a_large_compressed_body_is_unpacked_beside_others() -> None:
    stub = Stub()
    asking = _Asking(stub, headers={b"content-encoding": b"gzip"})
    asking.run(PACKED)
    assert not stub.late.waiting
    await stub.late.arrived.wait()
    stub.late.answer_next()
    assert asking.answers[0].status == 200


async def test_a_compressed_body_is_answered_when_a_drain_begins_while_it_is_unpacked() -> None:
    stub = Stub()
    asking = _Asking(stub, headers={b"content-encoding": b"gzip"})
    asking.run(PACKED)
    drained = asyncio.ensure_future(stub.gateway.drain())
    await stub.late.arrived.wait()
    stub.late.answer_next()
    await drained
    assert asking.answers[0].status == 200


async def test_a_body_of_many_strings_is_read_beside_others() -> None:
    stub = Stub()
    texts = bytes(2 * LONG_BYTES)
    said = b'{"inputs":[{"name":"INPUT","shape":[%d],"datatype":"BYTES","parameters":{"binary_data_size":%d}}]}'
    head = said % (len(texts) // 4, len(texts))
    asking = _Asking(stub, headers={b"inference-header-content-length": b"%d" % len(head)})
    asking.run(head + texts)
    assert not stub.late.waiting
    await stub.late.arrived.wait()
    ((request, _),) = stub.late.waiting
    assert request.inputs[0].data == texts


async def test_a_short_body_of_many_inputs_is_read_beside_others() -> None:
    stub = Stub()
    one = b'{"name":"INPUT","shape":[0],"datatype":"FP32","data":[]}'
    asking = _Asking(stub)
    asking.run(b'{"inputs":[%b]}' % b",".join([one] * (LONG_TENSORS + 1)))
    assert not stub.late.waiting
    await stub.late.arrived.wait()


async def test_long_bodies_are_read_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stub, read_on = Stub(), list[int]()

    def refuse(*anything: object) -> None:
        read_on.append(threading.get_ident())
        raise InvalidRequest("no")

    monkeypatch.setattr("headrace.protocols.oip.exchange.read_request", refuse)
    for headers in ({}, {}, {b"content-encoding": b"gzip"}):
        _Asking(stub, headers=headers).run(gzip.compress(LONG) if headers else LONG)
    await stub.gateway.drain()
    assert len(read_on) == 3
    assert len({*read_on, threading.get_ident()}) == 2


async def test_a_short_body_waits_for_no_long_one() -> None:
    stub = Stub()
    asking = _Asking(stub)
    may_end = threading.Event()
    stub.front.beside.read(may_end.wait, lambda _: None)
    asking.run()
    assert len(stub.late.waiting) == 1
    may_end.set()


LONG_ANSWER = b'{"inputs":[{"name":"INPUT","shape":[10000],"datatype":"FP32","data":[%b1]}]}' % (b"1," * 9999)


@pytest.mark.parametrize("headers", [{}, {b"accept-encoding": b"gzip"}])
async def test_a_long_answer_is_written_beside_others_and_a_drain_waits_for_it(headers: dict[bytes, bytes]) -> None:
    stub = Stub()
    asking = _Asking(stub, headers=headers)
    asking.run(LONG_ANSWER)
    stub.late.answer_next()
    assert not asking.answers
    await stub.gateway.drain()
    (answer,) = asking.answers
    body = b"".join(answer.parts)
    written = json.loads(gzip.decompress(body) if headers else body)
    assert (answer.status, written["outputs"][0]["data"]) == (200, [1] * 10_000)


async def test_a_long_answer_that_comes_at_once_is_written_beside_others_too() -> None:
    stub = Stub()
    asking = _Asking(stub, "scores")
    asking.run(LONG_ANSWER)
    assert not asking.answers
    await stub.gateway.drain()
    assert asking.answers[0].status == 200


async def test_whoever_leaves_while_an_answer_is_written_is_not_answered() -> None:
    stub = Stub()
    asking = _Asking(stub)
    asking.run(LONG_ANSWER)
    stub.late.answer_next()
    asking.exchange.abandon()
    await stub.gateway.drain()
    assert not asking.answers


async def test_whoever_leaves_while_a_body_is_unpacked_asks_nothing() -> None:
    stub = Stub()
    asking = _Asking(stub, headers={b"content-encoding": b"gzip"})
    asking.run(PACKED)
    asking.exchange.abandon()
    await stub.gateway.drain()
    assert not stub.late.waiting
    assert not asking.answers


async def test_of_whoever_leaves_a_broken_body_is_no_fault_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    stub = Stub()
    asking = _Asking(stub, headers={b"content-encoding": b"gzip"})
    asking.run(PACKED[:-9])
    asking.exchange.abandon()
    await stub.front.beside.close()
    gc.collect()
    assert not caplog.records


async def test_a_body_that_waits_to_be_unpacked_is_not_once_its_client_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unpacked: list[str] = []
    monkeypatch.setattr("headrace.protocols.oip.exchange.decompress", lambda *asked: unpacked.append("in vain"))
    stub, free = Stub(), threading.Event()
    for _ in range(UNPACKING):
        stub.front.beside.unpack(free.wait, lambda _: None)
    asking = _Asking(stub, headers={b"content-encoding": b"gzip"})
    asking.run(PACKED)
    asking.exchange.abandon()
    await asyncio.sleep(0)
    free.set()
    await stub.front.beside.close()
    assert not unpacked


async def test_a_large_body_that_cannot_be_unpacked_is_refused_and_recorded() -> None:
    stub = Stub()
    asking = _Asking(stub, headers={b"content-encoding": b"gzip"})
    asking.run(PACKED[:-9])
    await stub.gateway.drain()
    assert asking.answers[0].status == 400
    (record,) = [record for record in stub.records if isinstance(record, RequestRecord)]
    assert record.error == InvalidRequest.code


async def test_a_refusal_is_answered_at_its_turn() -> None:
    asking = _Asking(Stub())
    asking.exchange.refuse(InvalidRequest("no"))
    assert asking.exchange.received
    assert asking.answers == []
    asking.exchange.run()
    assert asking.json == {"error": "no", "code": "invalid_request", "request_id": asking.request_id}


async def test_an_abandoned_request_is_cancelled_and_never_answered() -> None:
    stub = Stub()
    asking = _Asking(stub)
    asking.run()
    [(request, reply)] = stub.late.waiting
    asking.exchange.abandon()
    reply(stub.late.answer(request))
    assert stub.late.cancelled == 1
    assert asking.answers == []


async def test_a_second_answer_is_ignored() -> None:
    stub = Stub()
    asking = _Asking(stub)
    asking.run()
    stub.late.answer_next()
    asking.exchange.reply(InvalidRequest("late"))
    assert len(asking.answers) == 1


async def test_an_answer_in_parts_is_refused_and_the_rest_cancelled() -> None:
    stub = Stub()
    asking = _Asking(stub)
    asking.run()
    [(request, reply)] = stub.late.waiting
    first = stub.late.answer(request)
    assert isinstance(first, Response)
    reply(msgspec.structs.replace(first, final=False))
    assert asking.answers[0].status == 400
    assert "several parts" in str(asking.json["error"])
    assert stub.late.cancelled == 1


async def test_a_fault_in_reading_is_a_500_of_this_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*anything: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("headrace.protocols.oip.exchange.read_request", fail)
    asking = _Asking(Stub())
    asking.run()
    assert asking.answers[0].status == 500
    assert "a fault" in caplog.text
    assert "a fault" not in str(asking.json)


async def test_an_answer_that_cannot_be_written_as_wanted_is_refused() -> None:
    body = b'{"inputs":[{"name":"INPUT","shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}}]}'
    asking = _Asking(Stub(), "half", {b"inference-header-content-length": b"%d" % len(body)})
    asking.run(body + b"ab")
    assert asking.answers[0].status == 400
    assert "ask for it with binary_data = true" in str(asking.json["error"])


async def test_a_request_arrives_when_its_head_does() -> None:
    stub = Stub()
    asking = _Asking(stub, headers={b"x-slo-ms": b"50"})
    read_ns = stub.front.clock.now_ns()
    asking.run()
    [(request, _)] = stub.late.waiting
    assert request.context.arrived_ns <= read_ns
    assert request.context.deadline_ns == request.context.arrived_ns + 50_000_000


async def test_an_answer_says_what_it_took() -> None:
    asking = _Asking(Stub(), "half", {b"inference-header-content-length": b"0"})
    asking.run(b"ab")
    assert b"x-queue-ms: 0.000\r\nx-compute-ms: 0.000\r\nx-batch-size: 1\r\n" in asking.answers[0].headers


async def test_a_large_body_that_would_be_answered_late_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = Stub()
    late = WouldBeLate("no", "", 2.0, 90.0, 50.0)
    monkeypatch.setattr(stub.gateway, "foresee", lambda model, context, request_id: late)
    monkeypatch.setattr(stub.gateway, "refuses", lambda now_ns: True)
    asking = _Asking(stub)
    asking.run(b"{" + bytes(LARGE_BYTES))  # would be refused as no JSON
    assert (asking.answers[0].status, asking.json["code"]) == (429, "would_be_late")
    small = _Asking(stub)
    small.run()
    assert len(stub.late.waiting) == 1


BINARY = b'{"inputs":[{"name":"INPUT","shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}}]}'
NAMED = b'{"id":"b-1",' + BINARY[1:]
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def _id_of(body: bytes, **headers: bytes) -> tuple[str, str, str]:
    """What the answer says, and what the model was given."""
    stub = Stub()
    lines = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    asking = _Asking(stub, "half", lines | {b"inference-header-content-length": b"%d" % len(body)})
    asking.run(body + b"ab")
    (request,) = stub.servables["half"].requests
    return asking.request_id, request.id, request.also


async def test_a_request_is_named_by_its_head_then_its_body_then_its_trace() -> None:
    assert await _id_of(NAMED, x_request_id=b"h-1", traceparent=TRACE) == ("h-1", "h-1", "b-1")
    assert await _id_of(NAMED, x_request_id=b"b-1") == ("b-1", "b-1", "")
    assert await _id_of(NAMED, traceparent=TRACE) == ("b-1", "b-1", "")
    assert await _id_of(BINARY, traceparent=TRACE) == ("0af7651916cd43dd8448eb211c80319c",) * 2 + ("",)


async def test_a_request_without_a_name_is_given_one_of_its_own() -> None:
    told, known, also = await _id_of(BINARY)
    assert told
    assert (told, also) == (known, "")


async def test_a_hostile_id_cannot_break_a_header() -> None:
    told, known, _ = await _id_of(b'{"id":"a\\r\\nset-cookie: x",' + BINARY[1:])
    assert (told, known) == ("a%0D%0Aset-cookie:%20x", "a\r\nset-cookie: x")


async def test_one_that_cannot_be_read_is_recorded_under_the_id_that_its_client_is_told() -> None:
    stub = Stub()
    asking = _Asking(stub, "add_sub", {b"x-request-id": b"r-9"})
    asking.run(b"{")
    (record,) = stub.records
    assert isinstance(record, RequestRecord)
    assert (record.id, record.model, record.error) == (asking.request_id, "add_sub", "invalid_request")


@pytest.mark.parametrize("headers", [{b"x-slo-ms": b"abc"}, {b"x-priority": b"77"}, {b"expect": b"100-continue"}])
async def test_one_that_its_head_has_refused_is_recorded_once(headers: dict[bytes, bytes]) -> None:
    stub = Stub()
    asking = _Asking(stub, "add_sub" if b"expect" not in headers else "nothing", headers)
    hopeless = asking.exchange.hopeless()
    if hopeless is not None:
        asking.exchange.refuse(hopeless)
        asking.exchange.run()
    else:
        asking.run()
    (record,) = stub.records
    assert isinstance(record, RequestRecord)
    assert (record.id, record.error) == (asking.request_id, asking.json["code"])


async def test_one_whose_body_is_refused_is_recorded_where_it_is_known_to_be_an_inference() -> None:
    stub = Stub()
    for model in ("add_sub", ""):
        asking = _Asking(stub, model)
        asking.exchange.refuse(BodyTooLarge("too large"))
        asking.exchange.run()
        assert asking.answers[0].status == 413
    assert [(each.model, each.error) for each in stub.records if isinstance(each, RequestRecord)] == [
        ("add_sub", "body_too_large")
    ]
