"""Errors of every kind reach the client as the right status, with words that help."""

import asyncio
import gc
import weakref

import grpc
import pytest

from headrace.errors import DeadlineExceeded, HeadraceError, InvalidRequest, QueueFull, WouldBeLate
from headrace.generated import service_pb2 as pb
from headrace.protocols.grpc.method import Call
from headrace.protocols.grpc.retry_details import retry_details
from headrace.protocols.limits import UNSAID, Limits
from headrace.protocols.oip.grpc_call import due_ns, limits, metadata, parse, prompt, said, unary
from tests.protocols.oip.fake_call import End, FakeCall

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def asked(call: FakeCall) -> Limits:
    """What a call says of its request's limits."""
    return limits(call, said(call.metadata))


async def refusal(error: Exception, sent: bytes = b"") -> End:
    """How a method that fails so ends its call."""

    async def fail(message: pb.ServerLiveRequest, call: Call) -> pb.ServerLiveResponse:
        raise error

    call = FakeCall()
    unary(pb.ServerLiveRequest, fail).serve(sent, call)
    await call.over.wait()
    assert call.ended is not None
    return call.ended


async def test_an_error_is_told_by_code_and_path() -> None:
    code, details, more = await refusal(InvalidRequest("is wrong", "inputs[0].shape"))
    assert (code, details) == (grpc.StatusCode.INVALID_ARGUMENT.value[0], "inputs[0].shape: is wrong")
    assert dict(more) == {"headrace-code": "invalid_request"}


@pytest.mark.parametrize(("retry_after_s", "seconds"), [(0.2, "1"), (1.5, "2")])
async def test_when_to_try_again_is_told_in_whole_seconds(retry_after_s: float, seconds: str) -> None:
    code, _, more = await refusal(QueueFull("full", retry_after_s=retry_after_s))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    told = dict(more)
    assert (told["retry-after"], told["retry-after-ms"]) == (seconds, f"{retry_after_s * 1e3:.0f}")
    assert told["grpc-status-details-bin"] == retry_details(code, "full", retry_after_s)


async def test_a_prediction_and_the_deadline_that_it_misses_are_told() -> None:
    code, _, more = await refusal(WouldBeLate("late", retry_after_s=1, predicted_ms=120.25, deadline_ms=50))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert dict(more).items() >= {"predicted-ms": "120.250", "deadline-ms": "50.000"}.items()
    code, _, more = await refusal(DeadlineExceeded("late", deadline_ms=50))
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert dict(more) == {"headrace-code": "deadline_exceeded", "deadline-ms": "50.000"}


async def test_what_would_be_late_even_alone_is_told_that_asking_again_is_in_vain() -> None:
    _, _, more = await refusal(WouldBeLate("late, even alone", predicted_ms=1.1, deadline_ms=0.4))
    told = dict(more)
    assert told["x-should-retry"] == "false"
    assert (told["retry-after"], told["retry-after-ms"]) == ("1", "1000")  # for those who ask again all the same
    assert b"RetryInfo" in told["grpc-status-details-bin"]


async def test_a_fault_of_the_server_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    code, details, _ = await refusal(ZeroDivisionError("secret"))
    assert code == grpc.StatusCode.INTERNAL.value[0]
    assert "secret" not in details
    assert "secret" in caplog.text


async def test_a_refused_message_is_let_go_without_the_garbage_collector() -> None:
    held, call = list[weakref.ref[InvalidRequest]](), FakeCall()

    async def fail(message: pb.ServerLiveRequest, call: Call) -> pb.ServerLiveResponse:
        failures = [InvalidRequest("no")]
        held.append(weakref.ref(failures[0]))
        raise failures[0]

    gc.disable()
    try:
        unary(pb.ServerLiveRequest, fail).serve(b"", call)
        await call.over.wait()
        await asyncio.sleep(0)
        assert held[0]() is None
    finally:
        gc.enable()


async def test_words_too_long_for_a_trailer_are_cut() -> None:
    _, details, _ = await refusal(HeadraceError("x" * 100_000))
    assert len(details) < 3_000


async def test_bytes_that_are_no_message_are_the_clients_fault() -> None:
    code, details, _ = await refusal(HeadraceError("not reached"), sent=b"\xff\xff")
    assert code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert details.startswith("the bytes are no inference.ServerLiveRequest message")


def test_a_string_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        parse(pb.ModelReadyRequest, b"\x0a\x01\xff")


def test_the_calls_own_deadline_limits_it() -> None:
    assert asked(FakeCall(0.5)).deadline_ns == 500_000_000
    assert asked(FakeCall()) is UNSAID


def test_a_deadline_is_counted_from_now() -> None:
    assert due_ns(FakeCall(0.5), 1_000) == 500_001_000
    assert due_ns(FakeCall(), 1_000) is None


def test_the_sooner_of_the_calls_deadline_and_the_one_in_its_metadata_holds() -> None:
    assert asked(FakeCall(0.5, **{"x-slo-ms": "20"})).deadline_ns == 20_000_000
    assert asked(FakeCall(0.5, **{"x-slo-ms": "900"})).deadline_ns == 500_000_000


@pytest.mark.parametrize(("sent", "read"), [(TRACE, TRACE), ("nonsense", "")])
def test_a_trace_is_taken_up_where_it_is_one(sent: str, read: str) -> None:
    assert said(FakeCall(traceparent=sent).metadata).trace == read


def test_metadata_that_is_wrong_is_refused_each_time_and_its_id_is_known() -> None:
    call = FakeCall(None, **{"x-slo-ms": "nan", "x-request-id": "r-1"})
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="nan"):
            asked(call)
    assert said(call.metadata).request_id == "r-1"


def test_metadata_that_was_not_sent_is_empty() -> None:
    assert metadata(FakeCall(other="x"), "traceparent") == ""


async def test_the_clients_id_comes_back_with_an_answer_and_with_a_refusal() -> None:
    async def alive(message: pb.ServerLiveRequest, call: Call) -> pb.ServerLiveResponse:
        return pb.ServerLiveResponse(live=True)

    for sent in (b"", b"\xff"):
        call = FakeCall(None, **{"x-request-id": "r 1"})
        unary(pb.ServerLiveRequest, alive).serve(sent, call)
        await call.over.wait()
        assert call.ended is not None
        assert dict(call.ended.trailers)["x-request-id"] == "r%201"


@pytest.mark.parametrize("sent", [b"", b"\xff"])
def test_a_method_that_waits_for_nothing_is_answered_at_once(sent: bytes) -> None:
    call = FakeCall(None, **{"x-request-id": "r-1"})
    prompt(pb.ServerLiveRequest, lambda message, call: pb.ServerLiveResponse(live=True)).serve(sent, call)
    assert call.ended is not None
    assert (call.ended.code == 0) == (sent == b"")
    assert dict(call.ended.trailers)["x-request-id"] == "r-1"


def test_its_fault_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def fail(message: pb.ServerLiveRequest, call: Call) -> pb.ServerLiveResponse:
        raise ZeroDivisionError("secret")

    call = FakeCall()
    prompt(pb.ServerLiveRequest, fail).serve(b"", call)
    assert call.ended is not None
    assert call.ended.code == grpc.StatusCode.INTERNAL.value[0]
    assert "secret" not in call.ended.details
    assert "secret" in caplog.text
