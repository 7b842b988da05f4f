"""Sockets that listen: one connection is taken each turn of the loop, and none that there is no room for."""

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

log = logging.getLogger(__name__)

BACKLOG = 2048  # connections that wait to be accepted
_PAUSE_S = 1.0  # where the system gives no more sockets
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def bind(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host, all on one port. Raises OSError where one cannot be had."""
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            given = bound[0].getsockname()[1] if bound else port
            bound.append(made := socket.socket(family, kind, protocol))
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((address[0], given, *address[2:]))
            made.listen(BACKLOG)
    except OSError:
        for each in bound:
            each.close()
        raise
    return bound


class Listener:
    """Owns its sockets, and those of connections until they are welcomed.

    `welcome` makes a connection of a socket. `has_room` is asked before, and told how many are being welcomed; `refuse`
    has those for which there is none.
    """

    def __init__(
        self,
        sockets: list[socket.socket],
        welcome: Callable[[socket.socket], Awaitable[object]],
        has_room: Callable[[int], bool],
        refuse: Callable[[socket.socket], None],
    ) -> None:
        self._sockets = sockets
        self._welcome = welcome
        self._has_room = has_room
        self._refuse = refuse
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._resume()

    @property
    def port(self) -> int:
        given: int = self._sockets[0].getsockname()[1]
        return given

    def close(self) -> None:
        """Take no more; those that are being welcomed are let go."""
        self._pause()
        for each in self._sockets:
            each.close()
        self._sockets = []
        for task in self._opening:
            task.cancel()

    async def closed(self) -> None:
        """Returns when none of them is under way."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _resume(self) -> None:
        for each in self._sockets:
            self._loop.add_reader(each.fileno(), self._accept, each)

    def _pause(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
        for each in self._sockets:
            self._loop.remove_reader(each.fileno())

    def _accept(self, listening: socket.socket) -> None:
        try:
            taken, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            self._on_fault(error)
            return
        taken.setblocking(False)
        if self._has_room(len(self._opening)):
            task = self._loop.create_task(self._open(taken))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self._refuse(taken)
            taken.close()

    def _on_fault(self, error: OSError) -> None:
        if error.errno not in _EXHAUSTED:
            log.error("a connection cannot be accepted: %s", error.strerror)
            return
        log.warning("no connection is accepted for %g s: %s", _PAUSE_S, error.strerror)
        self._pause()
        self._resuming = self._loop.call_later(_PAUSE_S, self._resume)

    async def _open(self, taken: socket.socket) -> None:
        try:
            await self._welcome(taken)
        except asyncio.CancelledError:
            taken.close()
            raise
        except (OSError, TimeoutError) as error:  # of TLS, mostly
            log.debug("a connection did not come about: %s", error)
            with suppress(OSError):
                taken.close()
