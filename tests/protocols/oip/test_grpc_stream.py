"""Many requests over one stream, on a real connection."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from headrace.generated import service_pb2 as pb
from headrace.models.registry import Served
from headrace.protocols.beside import LONG_BYTES
from headrace.protocols.oip.grpc import SERVICE
from headrace.protocols.oip.grpc_stream import stream
from headrace.servable import Cancel, Reply
from headrace.types import Manifest, ModelVersion, Request, Response
from tests.protocols.oip.fake_call import FakeCall
from tests.protocols.oip.grpc_server import Client, Kind, infer_message, refused, serving, table_server
from tests.protocols.oip.stub import BATCH, MODELS, LateServable, Stub, StubServable
from tests.protocols.oip.test_grpc_infer import watched


@asynccontextmanager
async def server(kind: Kind) -> AsyncIterator[tuple[Stub, Client]]:
    stub = Stub()
    async with serving(stub, kind) as client:
        yield stub, client


async def waiting(late: LateServable, count: int) -> None:
    """Until so many requests are with the model."""
    while len(late.waiting) < count:
        late.arrived.clear()
        await late.arrived.wait()


async def test_each_request_has_its_answer_and_the_stream_ends(kind: Kind) -> None:
    async with server(kind) as (_, client):
        call = client.stream()
        for name in "abc":
            await call.write(infer_message(id=name))
        await call.done_writing()
        answers = [answer async for answer in call]
    assert [answer.infer_response.id for answer in answers] == ["a", "b", "c"]
    assert all(answer.infer_response.parameters["triton_final_response"].bool_param for answer in answers)


async def test_what_takes_long_to_read_keeps_its_place(kind: Kind) -> None:
    texts = bytes(2 * LONG_BYTES)
    many = pb.ModelInferRequest(model_name="late", id="many", raw_input_contents=[texts])
    many.inputs.add(name="INPUT", datatype="BYTES", shape=[len(texts) // 4])
    async with server(kind) as (stub, client):
        call = client.stream()
        await call.write(many)
        await call.write(infer_message("late", id="few"))
        await waiting(stub.late, 2)
        assert [request.id for request, _ in stub.late.waiting] == ["many", "few"]
        call.cancel()


async def test_a_long_message_is_not_read_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    read_on = list[int]()
    monkeypatch.setattr("headrace.protocols.oip.grpc_infer.parse", watched(read_on))
    message = infer_message(id="7")
    message.inputs[0].shape.extend([1] * LONG_BYTES)
    async with server("native") as (_, client):
        call = client.stream()
        await call.write(message)
        await call.done_writing()
        (answer,) = [answer async for answer in call]
    assert "dimensions" in answer.error_message
    assert (answer.infer_response.id, threading.get_ident() in read_on) == ("7", False)


async def test_a_stream_whose_client_leaves_is_let_go_without_the_garbage_collector() -> None:
    stub, call = Stub(), FakeCall()

    async def requests() -> AsyncIterator[bytes]:
        yield infer_message("late").SerializeToString()
        await asyncio.Event().wait()

    serving = asyncio.ensure_future(stream(stub.front).serve(requests(), call))
    await stub.late.arrived.wait()
    reply: Any = stub.late.waiting[0][1]
    asked = weakref.ref(reply.__self__._reply)
    del reply
    gc.disable()
    try:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        del serving
        await asyncio.sleep(0)
        assert asked() is None
    finally:
        gc.enable()


async def test_a_stream_without_requests_ends(kind: Kind) -> None:
    async with server(kind) as (_, client):
        call = client.stream()
        await call.done_writing()
        assert [answer async for answer in call] == []


async def test_answers_come_as_they_are_ready(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        call = client.stream()
        await call.write(infer_message("late", id="slow"))
        await waiting(stub.late, 1)
        await call.write(infer_message(id="quick"))
        first = await call.read()
        stub.late.answer_next()
        second = await call.read()
        await call.done_writing()
    assert (first.infer_response.id, second.infer_response.id) == ("quick", "slow")


@pytest.mark.parametrize(
    ("message", "said", "code"),
    [
        (infer_message("nothing", id="7"), "model 'nothing' is not in the repository", "model_not_found"),
        (infer_message("refuse", id="7"), "1024 requests are waiting already", "queue_full"),
        (infer_message(id="7", model_version="X"), "'X' is not a version of model 'scores'", "version_not_found"),
    ],
)
async def test_an_error_answers_its_request_and_the_stream_goes_on(
    kind: Kind, message: pb.ModelInferRequest, said: str, code: str
) -> None:
    async with server(kind) as (_, client):
        call = client.stream()
        await call.write(message)
        error = await call.read()
        await call.write(infer_message(id="8"))
        answer = await call.read()
        await call.done_writing()
    assert error.error_message.startswith(said)
    assert error.infer_response.id == "7"
    assert error.infer_response.parameters["code"].string_param == code
    assert (answer.error_message, answer.infer_response.id) == ("", "8")


async def test_bytes_that_are_no_message_are_answered_too(kind: Kind) -> None:
    async with server(kind) as (_, client):
        call = client.stream()
        await call.write(b"\xff")
        error = await call.read()
        await call.done_writing()
    assert error.error_message.startswith("the bytes are no inference.ModelInferRequest message")


async def test_in_strict_mode_an_error_ends_the_stream_with_its_status(kind: Kind) -> None:
    async with server(kind) as (_, client):
        call = client.stream(metadata=(("triton_grpc_error", "true"),))
        await call.write(infer_message("nothing"))
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await call.read()
    assert refused(ended.value)[:2] == (grpc.StatusCode.NOT_FOUND, "model 'nothing' is not in the repository")


async def test_a_stream_that_the_client_cancels_takes_its_requests_back(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        call = client.stream()
        for _ in range(3):
            await call.write(infer_message("late"))
        await waiting(stub.late, 3)
        call.cancel()
        while stub.late.waiting:
            stub.late.arrived.clear()
            await stub.late.arrived.wait()
    assert stub.late.cancelled == 3


@asynccontextmanager
async def narrow(stub: Stub, kind: Kind, max_running: int) -> AsyncIterator[Client]:
    """A server whose streams hold only so many requests."""
    server = table_server(kind, {f"/{SERVICE}/ModelStreamInfer": stream(stub.front, max_running)})
    target = f"127.0.0.1:{await server.listen('127.0.0.1', 0)}"
    try:
        async with grpc.aio.insecure_channel(target) as channel:
            yield Client(channel, target)
    finally:
        await server.stop(None)


async def test_a_stream_holds_only_so_many_requests_at_a_time(kind: Kind) -> None:
    stub = Stub()
    async with narrow(stub, kind, 2) as client:
        call = client.stream()
        for name in "abcd":
            await call.write(infer_message("late", id=name))
        await waiting(stub.late, 2)
        held = [request.id for request, _ in stub.late.waiting]
        answered = []
        for _ in "abcd":
            await waiting(stub.late, 1)
            stub.late.answer_next()
            answered.append((await call.read()).infer_response.id)
            assert len(stub.late.waiting) <= 2
        await call.done_writing()
    assert (held, answered) == (["a", "b"], ["a", "b", "c", "d"])


async def test_the_only_answer_is_sent_even_if_it_is_empty(kind: Kind) -> None:
    async with server(kind) as (_, client):
        call = client.stream()
        await call.write(pb.ModelInferRequest(model_name="echo", id="7"))
        await call.done_writing()
        (answer,) = [answer.infer_response async for answer in call]
    assert (answer.id, len(answer.outputs)) == ("7", 0)


class Chatty(StubServable):
    """Answers each request twice, and then with an empty final answer."""

    def submit(self, request: Request, reply: Reply) -> Cancel:
        answer = self.answer(request)
        assert isinstance(answer, Response)
        for _ in range(2):
            reply(Response(answer.model, answer.outputs, BATCH, final=False))
        reply(Response(answer.model, (), BATCH))
        return lambda: None


@pytest.mark.parametrize(("wants_empty", "finals"), [(False, [False, False]), (True, [False, False, True])])
async def test_an_empty_final_answer_is_sent_where_it_is_wanted(wants_empty: bool, finals: list[bool]) -> None:
    stub = Stub()
    version = ModelVersion("scores", 2)
    chatty = Chatty(version, stub.servables["scores"].signature, MODELS["scores"].compute)
    stub.registry.publish(Served(version, Manifest("scores", 2, Path(), "stub"), chatty))
    message = infer_message()
    message.parameters["triton_enable_empty_final_response"].bool_param = wants_empty
    async with serving(stub) as client:
        call = client.stream()
        await call.write(message)
        await call.done_writing()
        answers = [answer.infer_response async for answer in call]
    assert [answer.parameters["triton_final_response"].bool_param for answer in answers] == finals


async def test_requests_of_a_stream_have_the_calls_one_deadline(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        call = client.stream(timeout=1000)
        for name in "abc":
            await call.write(infer_message(id=name))
        await call.done_writing()
        assert len([answer async for answer in call]) == 3
    assert len({request.context.deadline_ns for request in stub.servables["scores"].requests}) == 1


async def test_each_request_of_a_stream_has_what_the_metadata_gives_it(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        call = client.stream(metadata=(("x-slo-ms", "50"), ("x-tenant", "alice")))
        for name in "ab":
            await call.write(infer_message(id=name))
        await call.done_writing()
        assert len([answer async for answer in call]) == 2
    for request in stub.servables["scores"].requests:
        assert request.context.deadline_ns == request.context.arrived_ns + 50_000_000
        assert request.context.tenant == "alice"


async def test_metadata_that_is_absurd_ends_the_stream(kind: Kind) -> None:
    async with server(kind) as (_, client):
        call = client.stream(metadata=(("x-slo-ms", "0"),))
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call.read()
    assert refused(error.value).details.startswith("x-slo-ms: '0' is not a number")


async def test_a_request_without_an_id_is_refused_with_the_one_that_it_was_given(kind: Kind) -> None:
    async with server(kind) as (_, client):
        call = client.stream()
        for id_ in ("", "mine"):
            message = infer_message("nothing")
            message.id = id_
            await call.write(message)
        answers = [await call.read() for _ in range(2)]
        await call.done_writing()
    told = [answer.infer_response.parameters["request_id"].string_param for answer in answers]
    assert (told, [answer.infer_response.id for answer in answers]) == (["r-0", ""], ["", "mine"])
