"""A gRPC server of our own on the event loop: it listens, looks after its connections, and stops in order."""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress

from headrace.protocols.beside import Beside
from headrace.protocols.bodies import Bodies
from headrace.protocols.grpc.again import Again
from headrace.protocols.grpc.call import Opened, RemoteCall
from headrace.protocols.grpc.messages import PREFIX_BYTES, is_message
from headrace.protocols.grpc.method import Method, Unary
from headrace.protocols.grpc.request import Asked, read_call
from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.connection import Connection
from headrace.protocols.http2.crowd import leaving
from headrace.protocols.http2.declared import Declared
from headrace.protocols.http2.header_blocks import Headers
from headrace.protocols.http2.limits import Limits
from headrace.protocols.http2.line import Line
from headrace.protocols.http2.listener import Listener, bind
from headrace.protocols.http2.reader import READ_BYTES
from headrace.protocols.http2.shared import Shared, Unsent
from headrace.protocols.http2.stream import NOBODY, Receiver, Stream
from headrace.protocols.tls import HANDSHAKE_S, Tls

log = logging.getLogger(__name__)

_LOOK_S = 5.0  # between two looks at connections that are silent
_CLOSE_S = 1.0  # that closed connections have to say their last
_CROWDED_S = 0.25  # between two looks for connections that may leave
_TOLD_S = 10.0  # between two lines in the log that connections are refused
_FULL = frames.settings({}) + frames.goaway(0, codes.ENHANCE_YOUR_CALM, "too_many_connections")


class Server:
    """Serves the methods of a table, by their full names (`/package.Service/Method`).

    Made and used on one event loop. Owns its connections.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        max_message_bytes: int,
        limits: Limits,
        beside: Beside,
        bodies: Bodies,
        max_connections: int = 1024,
    ) -> None:
        self._methods = methods
        self._max_message_bytes = max_message_bytes  # below 0: any size
        self._limits = limits
        self._beside = beside
        self._bodies = bodies  # large messages, while they come and until they are answered
        self._max_connections = max_connections
        self._crowded_until = self._told_until = 0.0
        self._goodbye = _FULL  # to those that are refused
        self._loop = asyncio.get_running_loop()
        self._shared = Shared(memoryview(bytearray(READ_BYTES)), Line(self._loop.call_soon), Unsent())
        self._connections: set[Connection[Asked]] = set()
        self._dismissed: set[Connection[Asked]] = set()  # on their way out: nobody counts them
        self._listener: Listener | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def listen(self, host: str, port: int, tls: Tls | None = None) -> int:
        """Listen there; returns the port. Raises OSError where the address cannot be had, or the certificate read."""
        secret = tls.context(["h2"]) if tls else None
        self._goodbye = b"" if tls else _FULL

        def welcome(taken: socket.socket) -> Awaitable[object]:
            return self._loop.connect_accepted_socket(
                lambda: Connection(self, self._limits, self._loop, self._shared, time.perf_counter),
                taken,
                ssl=secret,
                ssl_handshake_timeout=HANDSHAKE_S if secret else None,
            )

        self._listener = Listener(bind(host, port), welcome, self._has_room, self._refuse)
        self._looking = self._loop.call_later(_LOOK_S, self._look)
        return self._listener.port

    def drain(self) -> None:
        """Tell clients to go elsewhere with what they have yet to ask; who comes anew is not let in."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.drain()

    async def stop(self, grace: float | None) -> None:
        """Take no new calls; those under way have so many seconds, then they are cancelled."""
        self.drain()
        if grace:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace)
        for connection in (*self._connections, *self._dismissed):
            connection.abort()
        if self._listener is not None:
            await self._listener.closed()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), _CLOSE_S)
        if self._looking is not None:
            self._looking.cancel()

    # ---- whose connections are kept

    def _has_room(self, opening: int) -> bool:
        """For one more; where there is none, some that are idle leave."""
        most = self._max_connections - opening
        now = self._loop.time()
        if len(self._connections) >= most and now >= self._crowded_until:
            self._crowded_until = now + _CROWDED_S
            for connection in leaving(self._connections, self._max_connections, now):
                self._connections.discard(connection)
                self._dismissed.add(connection)
                connection.dismiss()
        return len(self._connections) < most

    def _refuse(self, taken: socket.socket) -> None:
        now = self._loop.time()
        if now >= self._told_until:
            self._told_until = now + _TOLD_S
            what = "connections are refused: %d are open, which is the most (grpc.max_connections)"
            log.warning(what, self._max_connections)
        with suppress(OSError):
            taken.recv(READ_BYTES)  # what is left unread would cut off the answer
        with suppress(OSError):
            taken.send(self._goodbye)

    # ---- what connections see

    def read(self, headers: Headers) -> Asked:
        return read_call(headers, self._methods, self._limits.max_header_bytes)

    def open(self, stream: Stream, head: Asked) -> Receiver:
        if head.method is not None:
            call = RemoteCall(stream, self._opened(head, head.method))
            return call if head.declared_bytes is None else Declared(call, stream, head.declared_bytes)
        stream.send(b"", (), 0, head.refusal)
        return NOBODY

    def again(self, head: Asked, content: bytes) -> Again | None:
        method = head.method
        if not isinstance(method, Unary) or head.timeout_s is not None or not is_message(content):
            return None
        if head.declared_bytes not in (None, len(content)):
            return None
        found = method.again(content[PREFIX_BYTES:], head.metadata)
        return None if found is None else Again(found, self._opened(head, method))

    def _opened(self, head: Asked, method: Method) -> Opened:
        return Opened(head, method, self._max_message_bytes, self._loop, self._beside, self._bodies)

    def connected(self, connection: Connection[Asked]) -> None:
        self._connections.add(connection)
        self._empty.clear()

    def lost(self, connection: Connection[Asked]) -> None:
        self._connections.discard(connection)
        self._dismissed.discard(connection)
        if not self._connections and not self._dismissed:
            self._empty.set()

    def _look(self) -> None:
        now = self._loop.time()
        for connection in list(self._connections):
            connection.look(now)
        self._looking = self._loop.call_later(_LOOK_S, self._look)
