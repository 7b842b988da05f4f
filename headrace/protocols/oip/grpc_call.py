"""What every gRPC method does alike: raw bytes to a message, errors to a status, limits and trace from the call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message

from headrace.errors import (
    BodyTooLarge,
    DeadlineExceeded,
    HeadraceError,
    Internal,
    InvalidRequest,
    Unavailable,
    WouldBeLate,
    forget_frames,
)
from headrace.protocols.beside import LONG_BYTES
from headrace.protocols.grpc.method import Call, Metadata, Unary
from headrace.protocols.grpc.retry_details import DETAILS, retry_details
from headrace.protocols.http_error import IN_VAIN_S, NO_RETRY, retry_metadata
from headrace.protocols.limits import UNSAID, Limits, read_metadata
from headrace.protocols.oip.parameters import trace_of
from headrace.protocols.request_id import HEADER, given, names_of, of_trace, shown
from headrace.protocols.status import status_of
from headrace.types import Buffer

log = logging.getLogger(__name__)

MessageT = TypeVar("MessageT", bound=Message)

_LONGEST_DETAILS = 2000  # characters: trailers that are too long never reach the client


def unary(
    kind: type[MessageT],
    answer: Callable[[MessageT, Call], Awaitable[Message]],
    read: Callable[[Buffer], Awaitable[MessageT]] | None = None,
) -> Unary:
    """A method of one request and one answer, for a table of methods; `read` reads what may be long."""

    async def run(sent: Buffer, call: Call) -> None:
        request_id = given(metadata(call, HEADER))
        try:
            message = await answer(parse_short(kind, sent) if read is None else await read(sent), call)
        except Exception as error:
            refuse(call, _told(error), request_id)
            forget_frames(error)
        else:
            _finish(call, message, request_id)

    def serve(sent: Buffer, call: Call) -> None:
        call.when_left(asyncio.get_running_loop().create_task(run(sent, call)).cancel)

    return Unary(serve)


def prompt(kind: type[MessageT], answer: Callable[[MessageT, Call], Message]) -> Unary:
    """The same of a method that waits for nothing: it needs no task, and no further round of the loop."""

    def serve(sent: Buffer, call: Call) -> None:
        request_id = given(metadata(call, HEADER))
        try:
            message = answer(parse_short(kind, sent), call)
        except Exception as error:
            refuse(call, _told(error), request_id)
        else:
            _finish(call, message, request_id)

    return Unary(serve)


def _told(error: Exception) -> HeadraceError:
    """What a client is told of an exception that is being handled."""
    return error if isinstance(error, HeadraceError) else fault("a call failed")


def _finish(call: Call, message: Message, request_id: str) -> None:
    call.finish(message.SerializeToString(), ((HEADER, shown(request_id)),) if request_id else ())


def parse(kind: type[MessageT], sent: Buffer) -> MessageT:
    """The message that the bytes are. Raises InvalidRequest."""
    try:
        return kind.FromString(bytes(sent))
    except DecodeError as error:
        raise InvalidRequest(
            f"the bytes are no {kind.DESCRIPTOR.full_name} message, or its strings are not UTF-8"
        ) from error


def parse_short(kind: type[MessageT], sent: Buffer) -> MessageT:
    """The same of a message that holds no tensors and no files: a long one would hold up all others.

    Raises BodyTooLarge, too.
    """
    if len(sent) > LONG_BYTES:
        name = kind.DESCRIPTOR.full_name
        raise BodyTooLarge(f"{len(sent)} bytes are more than an {name} message may have: {LONG_BYTES}")
    return parse(kind, sent)


def refuse(call: Call, error: HeadraceError, request_id: str = "") -> None:
    """End a call with the status of an error; its stable code, its request's id, and when to try again, follow."""
    code, details = status_of(error).grpc, str(error)
    if len(details) > _LONGEST_DETAILS:
        details = f"{details[:_LONGEST_DETAILS]}..."
    more: list[tuple[str, str | bytes]] = [("headrace-code", error.code)]
    in_vain = isinstance(error, WouldBeLate) and error.retry_after_s is None
    again_s = IN_VAIN_S if in_vain else error.retry_after_s if isinstance(error, Unavailable) else None
    if again_s is not None:
        more += retry_metadata(again_s)
        more.append((DETAILS, retry_details(code, details, again_s)))
    if in_vain:
        more.append(NO_RETRY)
    if isinstance(error, WouldBeLate | DeadlineExceeded):
        times = ("predicted-ms", error.predicted_ms), ("deadline-ms", error.deadline_ms)
        more += [(name, f"{value:.3f}") for name, value in times if value is not None]
    if request_id:
        more.append((HEADER, shown(request_id)))
    call.end(code, details, more)


def fault(what: str) -> Internal:
    """Log the exception being handled; returns what the client is told of it."""
    log.exception("%s", what)
    return Internal("the server failed on this request; its log says why")


class Said(NamedTuple):
    """What a call's metadata says of its request, whatever it asks."""

    request_id: str  # empty where there is none that is one
    trace: str  # the W3C traceparent; empty likewise
    limits: Limits
    error: InvalidRequest | None  # what is wrong with it

    @property
    def plain(self) -> bool:
        """Nothing in it is one request's alone, or orders requests."""
        return self.limits is UNSAID and self.error is None and not (self.trace or self.request_id)


@lru_cache(64)  # a client sends the same with call after call
def said(metadata: Metadata) -> Said:
    """Read it, as a tuple."""
    request_id, trace = given(_value(metadata, HEADER)), trace_of(_value(metadata, "traceparent"))
    try:
        return Said(request_id, trace, read_metadata(metadata), None)
    except InvalidRequest as error:
        return Said(request_id, trace, UNSAID, error.with_traceback(None))


def limits(call: Call, said: Said) -> Limits:
    """What the metadata says, and until when the client waits. Raises InvalidRequest."""
    if said.error is not None:
        raise said.error.with_traceback(None)
    remaining_s = call.time_remaining()
    return said.limits if remaining_s is None else said.limits.within(int(remaining_s * 1e9))


def due_ns(call: Call, now_ns: int) -> int | None:
    """When the client stops waiting, or None where it did not say."""
    remaining_s = call.time_remaining()
    return None if remaining_s is None else now_ns + int(remaining_s * 1e9)


def named(said: Said, in_message: str, make: Callable[[], str]) -> tuple[str, str]:
    """The id of a call's request, and another that its client knows it by; `make` has one where there is none."""
    id_, also = names_of(said.request_id, in_message)
    return id_ or of_trace(said.trace) or make(), also


def metadata(call: Call, name: str) -> str:
    """A value that the client sent along with its call, or empty."""
    return _value(call.metadata, name)


def _value(sent: Metadata, name: str) -> str:
    for key, value in sent:
        if key == name:
            return str(value)
    return ""
