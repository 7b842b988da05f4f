"""How long a connection waits for its client: for a request, for the rest of one, or for an answer to be taken."""

from asyncio import AbstractEventLoop, TimerHandle, Transport


class Patience:
    """Closes the connection of a client that is awaited and does nothing for `limit_s`.

    One timer a connection: it looks again where it fires early, so that waiting and not waiting cost next to nothing.
    """

    def __init__(self, transport: Transport, limit_s: float, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._limit_s = limit_s
        self._loop = loop
        self._since: float | None = None  # None: it is the client who waits
        self._timer: TimerHandle | None = None
        self._unsent_bytes = 0  # when it last looked; 0: not yet

    def begin(self) -> None:
        """From now on the client is awaited."""
        self._since = self._loop.time()
        self._unsent_bytes = 0
        if self._timer is None:
            self._timer = self._loop.call_later(self._limit_s, self._look)

    def end(self) -> None:
        """Nothing is expected of the client."""
        self._since = None

    def cancel(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._since is None:
            return
        before, self._unsent_bytes = self._unsent_bytes, self._transport.get_write_buffer_size()
        if self._unsent_bytes and (self._unsent_bytes < before or not before):
            self._since = self._loop.time()  # it takes its answer, if slowly
        left_s = self._since + self._limit_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
        elif self._unsent_bytes:
            self._transport.abort()
        else:
            self._transport.close()
