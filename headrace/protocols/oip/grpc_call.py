"""What every gRPC method does alike: raw bytes to a message, errors to a status, deadline and trace from the call."""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from headrace.errors import HeadraceError, Internal, InvalidRequest, Unavailable
from headrace.protocols.oip.parameters import trace_of
from headrace.protocols.status import status_of

log = logging.getLogger(__name__)

Call = grpc.aio.ServicerContext[Any, Any]
"""One call as the gRPC library shows it."""

MessageT = TypeVar("MessageT", bound=Message)

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_LONGEST_DETAILS = 2000  # characters: trailers that are too long never reach the client


def unary(kind: type[MessageT], answer: Callable[[MessageT, Call], Awaitable[Message]]) -> Any:
    """A method of one request and one answer, for a table of handlers.

    The library would call bytes that are no message, or an exception, a fault of its own kind: so it sees neither.
    """

    async def serve(sent: bytes, call: Call) -> Message:
        try:
            return await answer(parse(kind, sent), call)
        except HeadraceError as error:
            refusal = error
        except Exception:
            refusal = fault("a call failed")
        return await refuse(call, refusal)

    return grpc.unary_unary_rpc_method_handler(serve, response_serializer=serialize)


def parse(kind: type[MessageT], sent: bytes) -> MessageT:
    """The message that the bytes are. Raises InvalidRequest."""
    try:
        return kind.FromString(sent)
    except DecodeError as error:
        raise InvalidRequest(
            f"the bytes are no {kind.DESCRIPTOR.full_name} message, or its strings are not UTF-8"
        ) from error


def serialize(message: Message) -> bytes:
    return message.SerializeToString()


async def refuse(call: Call, error: HeadraceError) -> NoReturn:
    """End a call with the status of an error; its stable code, and when to try again, follow as metadata."""
    more = [("headrace-code", error.code)]
    if isinstance(error, Unavailable) and error.retry_after_s is not None:
        more.append(("retry-after", str(max(1, math.ceil(error.retry_after_s)))))
    details = str(error)
    if len(details) > _LONGEST_DETAILS:
        details = f"{details[:_LONGEST_DETAILS]}..."
    await call.abort(_CODES[status_of(error).grpc], details, tuple(more))


def fault(what: str) -> Internal:
    """Log the exception being handled; returns what the client is told of it."""
    log.exception("%s", what)
    return Internal("the server failed on this request; its log says why")


def deadline_ns(call: Call, now_ns: int) -> int | None:
    """When the client stops waiting, or None where it did not say."""
    remaining_s: float | None = call.time_remaining()
    return None if remaining_s is None else now_ns + int(remaining_s * 1e9)


def trace(call: Call) -> str:
    """The W3C traceparent of a call, or empty."""
    return trace_of(metadata(call, "traceparent"))


def metadata(call: Call, name: str) -> str:
    """A value that the client sent along with its call, or empty."""
    for key, value in call.invocation_metadata() or ():
        if key == name:
            return str(value)
    return ""
