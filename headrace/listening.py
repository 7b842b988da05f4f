"""Sockets, signals and the HTTP server under the front ends: where the process meets the machine."""

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headrace.errors import SettingInvalid
from headrace.open_files import tell_of_want

log = logging.getLogger(__name__)

BACKLOG = 2048  # connections that wait to be accepted
LAST_CALL_S = 1.0  # that clients have to ask once more, and to be told in the answer that their connection ends
LOOK_S = 0.02  # between two looks whether they all have
WANT_S = 10  # between two looks whether connections can be accepted
LAST_WORDS_S = 1.0  # that answers have to be taken, however long the drain took before
GOODBYE_S = 1.0  # that a client has, once all is sent, to say goodbye as TLS wants it


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A socket that listens there. Raises SettingInvalid, naming the setting, where it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise SettingInvalid(f"cannot listen on {host} port {port}: {error.strerror}", setting) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """host:port, the port being the one that was given."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Draining(Protocol):
    """What a connection of HTTP has to be able to do: `InferLane`."""

    def drain(self) -> None: ...


class HttpServer(uvicorn.Server):
    """uvicorn without its own way with signals: whoever owns the server says when it stops."""

    def __init__(
        self,
        app: Starlette,
        connection: type[HttpToolsProtocol],
        keep_alive_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=cast(int, keep_alive_s),  # which uvicorn hands to the event loop as it is
            backlog=BACKLOG,
            callback_notify=tell_of_want,
            timeout_notify=WANT_S,
            ssl_context_factory=(lambda config, default: tls) if tls else None,
        )
        super().__init__(config)
        self._last_call_s = 0.0  # until when idle connections are kept
        self._over_s = 0.0  # until when those that are not are

    def drain(self, limit_s: float) -> None:
        """Take no more connections. On those that are kept, the next answer is the last one, and says so; what is asked
        on them has so long to be answered."""
        now_s = asyncio.get_running_loop().time()
        self._last_call_s, self._over_s = now_s + LAST_CALL_S, now_s + limit_s
        for server in self.servers if self.started else ():
            server.close()
        for connection in list(self.server_state.connections):
            cast(Draining, connection).drain()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End all connections, after `drain` not before their clients had a second to ask once more, nor long after
        its time is up."""
        loop = asyncio.get_running_loop()
        while self.server_state.connections and loop.time() < self._last_call_s:  # noqa: ASYNC110 - as uvicorn waits
            await asyncio.sleep(LOOK_S)
        parting = asyncio.create_task(self._part())
        try:
            async with asyncio.timeout(max(self._over_s - loop.time(), LAST_WORDS_S)):
                await super().shutdown(sockets)
        except TimeoutError:
            await self._break_off()
        finally:
            parting.cancel()

    async def _break_off(self) -> None:
        """Have what still runs say its last (`BrokenOff`), and end all connections."""
        connections, tasks = self.server_state.connections, self.server_state.tasks
        log.warning("%d connections of HTTP were not done, and end now", len(connections))
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_WORDS_S)
        for connection in list(connections):
            connection.transport.abort()

    async def _part(self) -> None:
        """A connection of TLS is closed when its client has said goodbye too: one that never does is not waited for."""
        while True:
            await asyncio.sleep(GOODBYE_S)
            for connection in list(self.server_state.connections):
                transport: asyncio.Transport = connection.transport
                if transport.is_closing() and not transport.get_write_buffer_size():
                    transport.abort()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def stop_signal() -> "asyncio.Future[None]":
    """Done at the first SIGTERM or SIGINT; the second ends the process as it would without us."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        if not stopped.done():
            stopped.set_result(None)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopped
