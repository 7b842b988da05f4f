"""One request and its answer, on a real connection."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import msgspec
import numpy as np
import pytest

from headrace.errors import Internal
from headrace.generated import service_pb2 as pb
from headrace.protocols.beside import LONG_BYTES
from headrace.protocols.oip.grpc_infer import Infer, written
from headrace.protocols.oip.shared_memory import Regions
from headrace.records import RequestRecord
from headrace.types import ModelVersion, Response, Tensor
from tests.protocols.oip.fake_call import FakeCall
from tests.protocols.oip.grpc_server import Client, Kind, infer_message, refused, serving
from tests.protocols.oip.stub import BATCH, Stub, numbers

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@asynccontextmanager
async def server(kind: Kind) -> AsyncIterator[tuple[Stub, Client]]:
    stub = Stub()
    async with serving(stub, kind) as client:
        yield stub, client


async def test_a_message_of_countless_fields_is_refused(kind: Kind) -> None:
    async with server(kind) as (_, client):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await client.call("ModelInfer", pb.ModelInferRequest(raw_input_contents=[b""] * 20_000))
    code, details, _ = refused(refusal.value)
    assert (code, "more than 16384 fields" in details) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def many_texts() -> pb.ModelInferRequest:
    texts = bytes(2 * LONG_BYTES)
    message = pb.ModelInferRequest(model_name="late", raw_input_contents=[texts])
    message.inputs.add(name="INPUT", datatype="BYTES", shape=[len(texts) // 4])
    return message


async def test_many_strings_are_read_beside_others_and_a_drain_waits_for_them() -> None:
    stub, call = Stub(), FakeCall()
    Infer(stub.front).infer(many_texts().SerializeToString(), call)
    assert not stub.late.waiting
    drained = asyncio.ensure_future(stub.gateway.drain())
    await stub.late.arrived.wait()
    stub.late.answer_next()
    await drained
    assert call.ended
    assert "the stub has no use for these inputs" in call.ended.details


async def test_a_long_message_that_is_refused_is_recorded_and_never_read_on_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stub, call, read_on = Stub(), FakeCall(), list[int]()
    monkeypatch.setattr("headrace.protocols.oip.grpc_infer.parse", watched(read_on))
    message = pb.ModelInferRequest(model_name="add_sub")
    message.inputs.add(name="INPUT0", datatype="INT32", shape=[1] * LONG_BYTES)
    Infer(stub.front).infer(message.SerializeToString(), call)
    await stub.gateway.drain()
    assert call.ended
    assert "dimensions" in call.ended.details
    assert [record.model for record in stub.records if isinstance(record, RequestRecord)] == ["add_sub"]
    assert threading.get_ident() not in read_on


def watched(read_on: list[int]) -> Callable[..., pb.ModelInferRequest]:
    """Reads messages, and keeps on which threads."""

    def parse(kind: type[pb.ModelInferRequest], sent: bytes) -> pb.ModelInferRequest:
        read_on.append(threading.get_ident())
        return kind.FromString(sent)

    return parse


async def test_an_answer_is_computed_and_names_its_version(kind: Kind) -> None:
    first, second = numbers(2)
    message = pb.ModelInferRequest(model_name="add_sub", id="7", raw_input_contents=[first.tobytes(), second.tobytes()])
    for name in ("INPUT0", "INPUT1"):
        message.inputs.add(name=name, datatype="INT32", shape=first.shape)
    async with server(kind) as (_, client):
        answer = await client.call("ModelInfer", message)
    assert (answer.model_name, answer.model_version, answer.id) == ("add_sub", "2", "7")
    assert answer.raw_output_contents[1] == (first - second).astype(np.int32).tobytes()


async def test_trace_and_deadline_reach_the_model(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        now_ns = stub.front.clock.now_ns()
        await client.call("ModelInfer", infer_message(), timeout=1000, metadata=(("traceparent", TRACE),))
    (request,) = stub.servables["scores"].requests
    assert request.context.trace == TRACE
    assert request.context.deadline_ns is not None
    # gRPC rounds up what it sends, to tens of seconds here, and a busy machine takes its time to deliver it.
    assert 900e9 < request.context.deadline_ns - now_ns < 1200e9


async def test_without_a_deadline_there_is_none(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        await client.call("ModelInfer", infer_message())
    assert stub.servables["scores"].requests[0].context.deadline_ns is None


@pytest.mark.parametrize(
    ("message", "code", "details"),
    [
        (infer_message("nothing"), "NOT_FOUND", "model 'nothing' is not in the repository"),
        (infer_message(model_version="9"), "NOT_FOUND", "model 'scores' has no version 9; ready: 1"),
        (infer_message("add_sub_loading"), "UNAVAILABLE", "model 'add_sub_loading' is LOADING"),
        (infer_message("refuse"), "RESOURCE_EXHAUSTED", "1024 requests are waiting already"),
        (
            b"\xff",
            "INVALID_ARGUMENT",
            "the bytes are no inference.ModelInferRequest message, or its strings are not UTF-8",
        ),
    ],
)
async def test_a_refusal_says_why(kind: Kind, message: pb.ModelInferRequest | bytes, code: str, details: str) -> None:
    async with server(kind) as (_, client):
        refused = await client.refusal("ModelInfer", message)
    assert (refused.code.name, refused.details) == (code, details)


async def test_a_shape_that_does_not_fit_is_refused_by_its_path(kind: Kind) -> None:
    message = infer_message()
    message.inputs[0].shape[0] = 2
    async with server(kind) as (_, client):
        refused = await client.refusal("ModelInfer", message)
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.details == "inputs[0]: shape [2, 3] of FP32 takes 24 bytes, 12 were sent"


async def test_an_answer_that_cannot_be_sent_as_it_is_wanted_fails_alone(kind: Kind) -> None:
    message = infer_message("break", outputs=[{"name": "OUTPUT"}])
    message.outputs[0].parameters["classification"].int64_param = 1
    async with server(kind) as (_, client):
        refused = await client.refusal("ModelInfer", message)
        await client.call("ModelInfer", infer_message())
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT


def test_a_fault_while_writing_an_answer_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    broken = Response(ModelVersion("m", 1), (Tensor("y", "FP32", ("?",), b""),), BATCH)  # type: ignore[arg-type]
    assert isinstance(written(broken, "7", {}, Regions(False)), Internal)
    assert "writing an answer failed" in caplog.text


async def test_a_call_that_the_client_cancels_is_taken_back(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        call = client.start("ModelInfer", infer_message("late"))
        await stub.late.arrived.wait()
        stub.late.arrived.clear()
        call.cancel()
        await stub.late.arrived.wait()
    assert (stub.late.cancelled, stub.late.waiting) == (1, [])


async def test_a_call_whose_deadline_passes_is_taken_back(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        refused = await client.refusal("ModelInfer", infer_message("late"), timeout=0.05)
        while not stub.late.cancelled:
            stub.late.arrived.clear()
            await stub.late.arrived.wait()
    assert refused.code == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_an_answer_in_parts_is_refused_and_the_rest_cancelled(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        asking = asyncio.ensure_future(client.refusal("ModelInfer", infer_message("late")))
        await stub.late.arrived.wait()
        [(request, reply)] = stub.late.waiting
        first = stub.late.answer(request)
        assert isinstance(first, Response)
        reply(msgspec.structs.replace(first, final=False))
        assert "several parts" in (await asking).details
        assert stub.late.cancelled == 1


async def test_requests_run_side_by_side(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        calls = [client.start("ModelInfer", infer_message("late", id=name)) for name in "abc"]
        while len(stub.late.waiting) < 3:
            stub.late.arrived.clear()
            await stub.late.arrived.wait()
        for _ in calls:
            stub.late.answer_next()
        assert [answer.id for answer in await asyncio.gather(*calls)] == ["a", "b", "c"]


async def test_a_request_is_recorded_as_grpcs(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        await client.call("ModelInfer", infer_message(id="7"))
    (record,) = stub.records
    assert isinstance(record, RequestRecord)
    assert (record.id, record.model, record.protocol) == ("7", "scores", "grpc")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (infer_message(model_version="first").SerializeToString(), ("scores", "version_not_found")),
        (b"\x22\x01\xff", ("", "invalid_request")),  # parameters that are no message
    ],
)
async def test_one_that_cannot_be_read_is_recorded_with_its_model_where_that_can(
    message: bytes, told: tuple[str, str]
) -> None:
    stub = Stub()
    Infer(stub.front).infer(message, FakeCall())
    assert [(each.model, each.error) for each in stub.records if isinstance(each, RequestRecord)] == [told]


async def test_metadata_limits_a_request(kind: Kind) -> None:
    metadata = (("x-slo-ms", "50"), ("x-priority", "1"), ("x-tenant", "alice"), ("x-min-accuracy", "0.9"))
    async with server(kind) as (stub, client):
        await client.call("ModelInfer", infer_message(), metadata=metadata)
    context = stub.servables["scores"].requests[0].context
    assert context.deadline_ns == context.arrived_ns + 50_000_000
    assert (context.priority, context.tenant, context.min_accuracy) == (1, "alice", 0.9)


async def test_metadata_that_is_absurd_is_refused_by_its_name(kind: Kind) -> None:
    async with server(kind) as (_, client):
        refused = await client.refusal("ModelInfer", infer_message(), metadata=(("x-slo-ms", "nan"),))
    assert refused.code.name == "INVALID_ARGUMENT"
    assert refused.details.startswith("x-slo-ms: 'nan' is not a number of milliseconds")


async def test_an_answer_and_a_refusal_name_their_request(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        said = {"metadata": (("x-request-id", "r 1"),)}
        call = client.start("ModelInfer", infer_message("late"), **said)
        await stub.late.arrived.wait()
        assert stub.late.waiting[0][0].id == "r 1"
        stub.late.answer_next()
        await call
        assert dict(await call.trailing_metadata())["x-request-id"] == "r%201"
        refusing = client.start("ModelInfer", infer_message("nothing"), **said)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await refusing
        trailers = refused(ended.value)[2]
        assert trailers["x-request-id"] == "r%201"


async def test_what_an_answer_took_follows_it(kind: Kind) -> None:
    async with server(kind) as (_, client):
        call = client.start("ModelInfer", infer_message())
        await call
        trailers = dict(await call.trailing_metadata())
    assert trailers.pop("x-request-id")
    assert trailers == {"x-queue-ms": "0.000", "x-compute-ms": "0.000", "x-batch-size": "1", "x-batch-reason": "alone"}


async def test_one_that_cannot_be_read_is_recorded_under_the_id_that_its_client_is_told(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        request = infer_message()
        request.inputs[0].datatype = "NOTHING"
        refusal = await client.refusal("ModelInfer", request)
        records = [record for record in stub.records if isinstance(record, RequestRecord)]
    assert [(record.id, record.model, record.error) for record in records] == [("r-0", "scores", "invalid_request")]
    assert refusal.code.name == "INVALID_ARGUMENT"
