"""A call handed to its method, whose own faults end the call and nothing else: the same under every server."""

import logging
from collections.abc import AsyncIterator

from headrace.protocols.grpc.method import Call, Stream, Unary
from headrace.protocols.grpc.status import INTERNAL, OK
from headrace.types import Buffer

log = logging.getLogger(__name__)


def answer(method: Unary, message: Buffer, call: Call) -> None:
    """Have the one message of a call answered."""
    try:
        method.serve(message, call)
    except Exception:
        log.exception("a method failed")
        call.end(INTERNAL, "the server failed on this request; its log says why")


async def converse(method: Stream, requests: AsyncIterator[Buffer], call: Call) -> None:
    """Have a stream answered, and end it."""
    try:
        await method.serve(requests, call)
    except Exception:
        log.exception("a method failed")
        call.end(INTERNAL, "the server failed on this stream; its log says why")
    call.end(OK)
