"""Errors of every kind reach the client as the right status, with words that help."""

from typing import Any

import grpc
import pytest

from headrace.errors import HeadraceError, InvalidRequest, QueueFull
from headrace.generated import service_pb2 as pb
from headrace.protocols.oip.grpc_call import Call, deadline_ns, metadata, parse, trace, unary
from tests.protocols.oip.fake_call import FakeCall

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def aborted(error: Exception, sent: bytes = b"") -> tuple[Any, ...]:
    """How a method that fails so ends its call."""

    async def fail(message: pb.ServerLiveRequest, call: Call) -> pb.ServerLiveResponse:
        raise error

    call = FakeCall()
    with pytest.raises(grpc.aio.AbortError):
        await unary(pb.ServerLiveRequest, fail).unary_unary(sent, call)
    return call.aborted


async def test_an_error_is_told_by_code_and_path() -> None:
    code, details, more = await aborted(InvalidRequest("is wrong", "inputs[0].shape"))
    assert (code, details) == (grpc.StatusCode.INVALID_ARGUMENT, "inputs[0].shape: is wrong")
    assert dict(more) == {"headrace-code": "invalid_request"}


@pytest.mark.parametrize(("retry_after_s", "seconds"), [(0.2, "1"), (1.5, "2")])
async def test_when_to_try_again_is_told_in_whole_seconds(retry_after_s: float, seconds: str) -> None:
    code, _, more = await aborted(QueueFull("full", retry_after_s=retry_after_s))
    assert code == grpc.StatusCode.UNAVAILABLE
    assert dict(more)["retry-after"] == seconds


async def test_a_fault_of_the_server_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    code, details, _ = await aborted(ZeroDivisionError("secret"))
    assert code == grpc.StatusCode.INTERNAL
    assert "secret" not in details
    assert "secret" in caplog.text


async def test_words_too_long_for_a_trailer_are_cut() -> None:
    _, details, _ = await aborted(HeadraceError("x" * 100_000))
    assert len(details) < 3_000


async def test_bytes_that_are_no_message_are_the_clients_fault() -> None:
    code, details, _ = await aborted(HeadraceError("not reached"), sent=b"\xff\xff")
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith("the bytes are no inference.ServerLiveRequest message")


def test_a_string_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        parse(pb.ModelReadyRequest, b"\x0a\x01\xff")


def test_a_deadline_is_counted_from_now() -> None:
    assert deadline_ns(FakeCall(0.5), 1_000) == 500_001_000  # type: ignore[arg-type]
    assert deadline_ns(FakeCall(), 1_000) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("sent", "read"), [(TRACE, TRACE), ("nonsense", "")])
def test_a_trace_is_taken_up_where_it_is_one(sent: str, read: str) -> None:
    assert trace(FakeCall(traceparent=sent)) == read  # type: ignore[arg-type]


def test_metadata_that_was_not_sent_is_empty() -> None:
    assert metadata(FakeCall(other="x"), "traceparent") == ""  # type: ignore[arg-type]
