"""A gRPC server of our own on the event loop: it listens, looks after its connections, and stops in order."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from headrace.protocols.grpc.call import RemoteCall
from headrace.protocols.grpc.method import Method
from headrace.protocols.grpc.request import Asked, read_call
from headrace.protocols.http2.connection import Connection
from headrace.protocols.http2.header_blocks import Headers
from headrace.protocols.http2.limits import Limits
from headrace.protocols.http2.stream import NOBODY, Receiver, Stream
from headrace.protocols.tls import HANDSHAKE_S, Tls

log = logging.getLogger(__name__)

_BACKLOG = 2048  # connections that wait to be accepted
_LOOK_S = 5.0  # between two looks at connections that are silent
_CLOSE_S = 1.0  # that closed connections have to say their last


class Server:
    """Serves the methods of a table, by their full names (`/package.Service/Method`).

    Made and used on one event loop. Owns its connections.
    """

    def __init__(self, methods: Mapping[str, Method], max_message_bytes: int, limits: Limits) -> None:
        self._methods = methods
        self._max_message_bytes = max_message_bytes  # below 0: any size
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection[Asked]] = set()
        self._listener: asyncio.Server | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def listen(self, host: str, port: int, tls: Tls | None = None) -> int:
        """Listen there; returns the port. Raises OSError where the address cannot be had, or the certificate read."""
        self._listener = await self._loop.create_server(
            lambda: Connection(self, self._limits, self._loop),
            host,
            port,
            ssl=tls.context(["h2"]) if tls else None,
            ssl_handshake_timeout=HANDSHAKE_S if tls else None,
            backlog=_BACKLOG,
        )
        self._looking = self._loop.call_later(_LOOK_S, self._look)
        given: int = self._listener.sockets[0].getsockname()[1]
        return given

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
        for connection in list(self._connections):
            connection.abort()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), _CLOSE_S)
        if self._looking is not None:
            self._looking.cancel()

    # ---- what connections see

    def read(self, headers: Headers) -> Asked:
        return read_call(headers, self._methods, self._limits.max_header_bytes)

    def open(self, stream: Stream, head: Asked) -> Receiver:
        if head.method is not None:
            return RemoteCall(stream, head, head.method, self._max_message_bytes, self._loop)
        stream.send(b"", (), 0, head.refusal)
        return NOBODY

    def connected(self, connection: Connection[Asked]) -> None:
        self._connections.add(connection)
        self._empty.clear()

    def lost(self, connection: Connection[Asked]) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _look(self) -> None:
        now = self._loop.time()
        for connection in list(self._connections):
            connection.look(now)
        self._looking = self._loop.call_later(_LOOK_S, self._look)
