"""One gRPC call on a stream of HTTP/2: its messages to its method, its answers and its status to the client."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from headrace.protocols.beside import Beside
from headrace.protocols.bodies import UNCOUNTED_BYTES, UNTAKEN, Bodies
from headrace.protocols.compression import LITTLE_BYTES
from headrace.protocols.grpc.coming import Coming
from headrace.protocols.grpc.messages import PREFIX, PREFIX_BYTES, Message, MessageReader, Packed, Refused, check
from headrace.protocols.grpc.method import NOTHING_ALIKE, Alike, Metadata, Method, Unary
from headrace.protocols.grpc.request import OPENING, Asked
from headrace.protocols.grpc.serving import answer, converse
from headrace.protocols.grpc.status import (
    DEADLINE_EXCEEDED,
    INVALID_ARGUMENT,
    OK,
    RESOURCE_EXHAUSTED,
    headers,
    status_block,
)
from headrace.protocols.http2.stream import Stream
from headrace.types import Buffer

_ENDED_WELL = status_block(OK)


class Opened(NamedTuple):
    """What calls of one client, of one method and with the same headers, are opened with."""

    asked: Asked
    method: Method
    max_bytes: int  # of a message; below 0: any size
    loop: asyncio.AbstractEventLoop
    beside: Beside
    bodies: Bodies  # large messages, while they come and until they are answered


class RemoteCall:
    """A call that was opened; `Call` is what its method sees of it, `Receiver` what its stream does.

    What most calls never set is said of the class: a call is made for each request.
    """

    _coming: Coming | None = None  # a large message
    _begun = False  # the first headers are sent
    _ended = False
    _served = False  # the message of a unary call was handed to its method
    _no_more = False  # the client has sent its last message
    _left: Callable[[], object] | None = None
    _reader: MessageReader | None = None
    _messages: deque[Message] | None = None  # of a stream, that were not asked for yet
    _waiting: asyncio.Future[None] | None = None  # of a stream: for its next message
    _written: asyncio.Future[None] | None = None  # of a stream: for its answer to be on its way
    _deadline: float | None = None
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, stream: Stream, opened: Opened) -> None:
        self._stream = stream
        self._opened = opened
        asked, method, loop = opened.asked, opened.method, opened.loop
        if asked.timeout_s is not None:
            self._deadline = loop.time() + asked.timeout_s
            self._timer = loop.call_at(self._deadline, self._expire)
        if not isinstance(method, Unary):
            self._messages = deque()
            self.when_left(loop.create_task(converse(method, self._requests(), self)).cancel)

    # ---- what its method sees

    @property
    def metadata(self) -> Metadata:
        return self._opened.asked.metadata

    def time_remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - self._opened.loop.time())

    def when_left(self, left: Callable[[], object]) -> None:
        if not self._ended:
            self._left = left

    def finish(self, message: Buffer, trailers: Metadata = (), alike: Alike = NOTHING_ALIKE) -> None:
        size = len(message)
        if not self._has_room(size):
            self.end(RESOURCE_EXHAUSTED, UNTAKEN)
        elif not self._ended:
            head = b"" if self._begun else OPENING
            tail = _ENDED_WELL + alike.block + headers(trailers)
            self._close()
            self._stream.send(head, (PREFIX.pack(0, size), message), PREFIX_BYTES + size, tail)

    def end(self, code: int, details: str = "", trailers: Metadata = ()) -> None:
        if not self._ended:
            block = status_block(code, details, trailers)
            self._close()
            self._stream.send(b"", (), 0, block if self._begun else OPENING + block)

    async def write(self, message: bytes) -> None:
        size = len(message)
        if not self._has_room(size):
            self._refuse(Refused(RESOURCE_EXHAUSTED, UNTAKEN))
        if self._ended:
            return
        head, self._begun = b"" if self._begun else OPENING, True
        if not self._stream.send(head, (PREFIX.pack(0, size), message), PREFIX_BYTES + size, None):
            self._written = self._opened.loop.create_future()
            await self._written

    def _has_room(self, size: int) -> bool:
        """Whether an answer of that size may wait for the client."""
        return size <= UNCOUNTED_BYTES or self._stream.has_room(size)

    # ---- what its stream sees

    def receive(self, content: memoryview, ended: bool) -> None:
        try:
            reader, size = self._reader, len(content)
            if size >= PREFIX_BYTES and (reader is None or not reader.under_way):
                compressed, length = PREFIX.unpack_from(content)
                if length + PREFIX_BYTES == size:  # one message, and whole
                    check(compressed, length, self._opened.asked.encoding, self._opened.max_bytes)
                    message = bytes(content[PREFIX_BYTES:])
                    first = not (compressed or self._served or self._ended)
                    if ended and first and isinstance(self._opened.method, Unary):  # as with most
                        self._served = self._no_more = True
                        answer(self._opened.method, message, self)
                        return
                    self._received(
                        Packed(message, self._opened.asked.encoding, self._opened.max_bytes) if compressed else message
                    )
                    size = 0
            if size:
                self._receive_part(content)
        except Refused as refusal:
            self._refuse(refusal)
        if ended:
            self._on_last()

    def _receive_part(self, content: memoryview) -> None:
        if self._reader is None:
            self._reader = MessageReader(self._opened.asked.encoding, self._opened.max_bytes)
        for message in self._reader.feed(content):
            self._stream.sated()
            self._received(message)
        self._count(self._reader)
        self._ask_for_rest()

    def _count(self, reader: MessageReader) -> None:
        """What is here of a large message. One that is whole counts until its call has ended, or its stream goes on."""
        if self._ended:
            return
        if reader.held > UNCOUNTED_BYTES:
            if self._coming is None:
                self._coming = Coming(
                    self._opened.bodies, self._opened.loop, lambda: self._stream.may_send, self._refuse
                )
            self._coming.grown(reader.held)
        elif self._coming is not None and self._messages is None:
            self._coming.whole()
        elif self._coming is not None:
            self._coming.over()

    def place(self, size: int) -> memoryview | None:
        rest = None if self._reader is None or self._ended else self._reader.rest()
        return None if rest is None else rest[:size]

    def placed(self, count: int, ended: bool) -> None:
        assert self._reader is not None
        try:
            message = self._reader.filled(count)
            if message is not None:
                self._stream.sated()
                self._received(message)
            self._count(self._reader)
            if message is None:
                self._ask_for_rest()
        except Refused as refusal:
            self._refuse(refusal)
        if ended:
            self._on_last()

    def drained(self) -> None:
        if self._written is not None and not self._written.done():
            self._written.set_result(None)

    def left(self) -> None:
        """The client is gone before the end."""
        if not self._ended:
            self._abandon()

    # ---- between the two

    def _received(self, message: Message) -> None:
        if self._messages is not None:
            self._messages.append(message)
            self._wake()
        elif not self._served and not self._ended:
            self._served = True
            if isinstance(message, Packed):
                self._unpack(message)
            else:
                self._answer(message)

    def _unpack(self, packed: Packed) -> None:
        """Have the one message of a call answered once it is as it was before."""
        if len(packed.content) <= LITTLE_BYTES:
            self._unpacked(packed.unpacked)
        else:
            self.when_left(self._opened.beside.unpack(packed.unpacked, self._unpacked))

    def _unpacked(self, unpacked: Callable[[], Buffer]) -> None:
        if self._ended:
            return
        try:
            message = unpacked()
        except Refused as refusal:
            self._refuse(refusal)
        else:
            self._answer(message)

    def _answer(self, message: Buffer) -> None:
        assert isinstance(self._opened.method, Unary)
        answer(self._opened.method, message, self)

    def _ask_for_rest(self) -> None:
        """Let the client send what is missing of a message that is awaited."""
        if self._reader is not None and not self._ended and not self._served and not self._messages:
            missing = self._reader.missing
            if missing:
                self._stream.want(missing)

    def _on_last(self) -> None:
        self._no_more = True
        if self._ended:
            return
        under_way = self._reader is not None and self._reader.under_way
        if under_way or (self._messages is None and not self._served):
            self._refuse(Refused(INVALID_ARGUMENT, "the call ended before its message was whole"))
        elif self._messages is not None:
            self._wake()

    def _refuse(self, refusal: Refused) -> None:
        left = self._left
        self.end(refusal.code, refusal.details)
        self._tell(left)

    async def _requests(self) -> AsyncIterator[Buffer]:
        """What the client sends; it may send on as far as this is read."""
        messages = self._messages
        assert messages is not None
        while not self._ended:
            if messages:
                message = messages.popleft()
                if not isinstance(message, Packed):
                    yield message
                    continue
                try:
                    unpacked = await self._opened.beside.unpacked(message.unpacked)
                except Refused as refusal:
                    self._refuse(refusal)
                    return
                yield unpacked
            elif self._no_more:
                return
            else:
                self._ask_for_rest()
                self._stream.replenish()
                self._waiting = self._opened.loop.create_future()
                await self._waiting

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _expire(self) -> None:
        """The client waits no longer."""
        if not self._ended:
            left = self._left
            self.end(DEADLINE_EXCEEDED, "Deadline Exceeded")
            self._tell(left)

    def _abandon(self) -> None:
        left = self._left
        self._close()
        self._tell(left)

    def _tell(self, left: Callable[[], object] | None) -> None:
        self.drained()
        self._wake()
        if left is not None:
            left()

    def _close(self) -> None:
        self._ended = True
        self._left = None  # it may know this call: the two would wait for the garbage collector
        if self._coming is not None:
            self._coming.over()
            self._coming = None
        if self._timer is not None:
            self._timer.cancel()
