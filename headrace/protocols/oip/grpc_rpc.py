"""One gRPC call, between the library's completion queue and the method that answers it.

The library's own asyncio server takes twice the time a request: it runs a task, four futures and a socket's wake-up for
each step of a call. Here a unary call is three completions, told to the event loop when its message is there.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from grpc._cython import cygrpc  # type: ignore[attr-defined]

from headrace.protocols.grpc.method import NOTHING_ALIKE, Alike, Metadata, Method, Unary
from headrace.protocols.grpc.serving import answer, converse
from headrace.protocols.grpc.status import INVALID_ARGUMENT, OK
from headrace.types import Buffer

_NO_FLAGS = 0
_FOR_EVER_S = 1e9  # decades: the library's word for no deadline lies centuries ahead

Tell = Callable[..., None]
"""Has a function called on the event loop, with these arguments, soon and in order; called from any thread."""


class Rpc:
    """A call that was opened. Methods named `on_...` are called by the thread that polls, all others by the loop.

    It lives as long as the library knows one of its batches: the one that tells of the call's end.
    """

    __slots__ = ("_begun", "_call", "_deadline", "_ended", "_left", "_message", "_method", "_sent", "_tell", "metadata")

    def __init__(self, call: Any, method: Method, deadline: float, metadata: Metadata, tell: Tell) -> None:
        self.metadata = metadata
        self._call = call
        self._method = method
        self._deadline = deadline  # Unix time; centuries ahead where the client gave none
        self._tell = tell
        self._begun = False  # the initial metadata is sent
        self._ended = False
        self._left: Callable[[], object] | None = None
        self._message: asyncio.Future[bytes | None] | None = None  # of a stream: the next one asked for
        self._sent: asyncio.Future[None] | None = None  # of a stream: the answer under way

    def on_open(self) -> None:
        """The first thing that happens to it."""
        self._call.start_server_batch((cygrpc.ReceiveCloseOnServerOperation(_NO_FLAGS),), self.on_close)
        if isinstance(self._method, Unary):
            self._receive()
        else:
            self._tell(self._converse)

    def on_message(self, event: Any) -> None:
        self._tell(self._received, event.batch_operations[0].message())

    def on_close(self, event: Any) -> None:
        """The call is over: its status is sent, or its client is gone."""
        if event.batch_operations[0].cancelled():
            self._tell(self._abandon)

    def on_sent(self, event: Any) -> None:
        self._tell(self._written)

    def on_ended(self, event: Any) -> None:
        """Nobody waits for it."""

    # ---- what its method sees

    def time_remaining(self) -> float | None:
        remaining_s = self._deadline - time.time()
        return None if remaining_s > _FOR_EVER_S else max(0.0, remaining_s)

    def when_left(self, left: Callable[[], object]) -> None:
        if not self._ended:
            self._left = left

    def finish(self, message: Buffer, trailers: Metadata = (), alike: Alike = NOTHING_ALIKE) -> None:
        if not self._ended:
            status = _status(OK, "", (*alike.metadata, *trailers))
            self._send((cygrpc.SendMessageOperation(bytes(message), _NO_FLAGS), status), self.on_ended)
            self._close()

    def end(self, code: int, details: str = "", trailers: Metadata = ()) -> None:
        if not self._ended:
            self._send((_status(code, details, trailers),), self.on_ended)
            self._close()

    async def write(self, message: bytes) -> None:
        if self._ended:
            return
        self._sent = asyncio.get_running_loop().create_future()
        self._send((cygrpc.SendMessageOperation(message, _NO_FLAGS),), self.on_sent)
        await self._sent

    # ---- on the loop

    def _received(self, message: bytes | None) -> None:
        if self._message is not None:
            if not self._message.done():
                self._message.set_result(message)
        elif message is None:
            self.end(INVALID_ARGUMENT, "the call ended before its message was whole")
        elif not self._ended and isinstance(self._method, Unary):
            answer(self._method, message, self)

    def _converse(self) -> None:
        if not self._ended:
            assert not isinstance(self._method, Unary)
            serving = converse(self._method, self._requests(), self)
            self.when_left(asyncio.get_running_loop().create_task(serving).cancel)

    async def _requests(self) -> AsyncIterator[bytes]:
        """What the client sends; the next message is taken off the connection when it is asked for."""
        while not self._ended:
            self._message = asyncio.get_running_loop().create_future()
            self._receive()
            message = await self._message
            if message is None:
                return
            yield message

    def _receive(self) -> None:
        self._call.start_server_batch((cygrpc.ReceiveMessageOperation(_NO_FLAGS),), self.on_message)

    def _send(self, operations: tuple[Any, ...], told: Callable[[Any], None]) -> None:
        if not self._begun:
            self._begun = True
            operations = (cygrpc.SendInitialMetadataOperation(None, _NO_FLAGS), *operations)
        self._call.start_server_batch(operations, told)

    def _written(self) -> None:
        if self._sent is not None and not self._sent.done():
            self._sent.set_result(None)

    def _abandon(self) -> None:
        """The client is gone before the end."""
        left = self._left
        if not self._ended:
            self._close()
            self._written()
            if left is not None:
                left()

    def _close(self) -> None:
        self._ended = True
        self._left = None  # it may know this call: the two would wait for the garbage collector


def _status(code: int, details: str = "", trailers: Metadata = ()) -> Any:
    return cygrpc.SendStatusFromServerOperation(tuple(trailers) or None, code, details.encode(), _NO_FLAGS)
