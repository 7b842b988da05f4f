"""How long a connection waits for its client: for a request, for the rest of one, or for an answer to be taken."""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable

from headrace.errors import BodyTooSlow
from headrace.protocols.bodies import UNCOUNTED_BYTES

_BODY_S = 20.0  # that any body may take
_SMALL_BYTES_PER_S = 500  # at least, of one that takes longer
_LARGE_BYTES_PER_S = 16 << 10  # the same of what is beyond that which is small: it takes room from others
_AHEAD_S = 60.0  # the most that a body may earn: one that came fast must go on coming
_LINGER_S = 5.0  # how long a client whose request was refused unread may go on sending before it is cut off


def body_due(due: float, before: int, num_bytes: int, now: float) -> float:
    """When more of a body has to have come, of which now come `num_bytes`, behind those `before`; `due` was it so far.

    What has come long since counts for nothing: the pace is that of the last minute.
    """
    small = max(0, min(num_bytes, UNCOUNTED_BYTES - before))
    earned_s = small / _SMALL_BYTES_PER_S + (num_bytes - small) / _LARGE_BYTES_PER_S
    return min(due + earned_s, now + _AHEAD_S)


def body_too_slow() -> BodyTooSlow:
    """The refusal of a body that takes longer."""
    return BodyTooSlow(
        f"the body comes too slowly: after {_BODY_S:g} s it has to come with {_SMALL_BYTES_PER_S} bytes a second, "
        f"beyond {UNCOUNTED_BYTES >> 10} KiB with {_LARGE_BYTES_PER_S >> 10} KiB"
    )


def linger(transport: Transport, loop: AbstractEventLoop) -> TimerHandle:
    """Say that nothing more is sent, and close the connection of a client that goes on sending."""
    if transport.can_write_eof():
        transport.write_eof()
    return loop.call_later(_LINGER_S, transport.close)


class Patience:
    """Closes the connection of a client that is awaited and does nothing for `limit_s`, and tells of a slow body.

    One timer a connection: it looks again where it fires early, so that waiting and not waiting cost next to nothing.
    """

    def __init__(
        self, transport: Transport, limit_s: float, loop: AbstractEventLoop, body_late: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._limit_s = limit_s
        self._loop = loop
        self._body_late = body_late
        self._since: float | None = None  # None: it is the client who waits
        self._body_due: float | None = None  # None: no body is awaited
        self._body_bytes = 0  # of it, that have come
        self._timer: TimerHandle | None = None
        self._unsent_bytes = 0  # when it last looked; 0: not yet

    def begin(self) -> None:
        """From now on the client is awaited."""
        self._since = self._loop.time()
        self._unsent_bytes = 0
        if self._timer is None:
            self._look_in(self._limit_s)

    def await_body(self, num_bytes: int) -> None:
        """So many bytes came, and the rest of a body is awaited."""
        self.begin()
        now = self._loop.time()
        if self._body_due is None:
            self._body_due, self._body_bytes = now + _BODY_S, 0
        self._body_due = body_due(self._body_due, self._body_bytes, num_bytes, now)
        self._body_bytes += num_bytes

    def end(self) -> None:
        """Nothing is expected of the client."""
        self._since = self._body_due = None

    def cancel(self) -> None:
        """The connection is gone."""
        self._body_late = _ignore  # and the connection is not held by what it holds
        if self._timer is not None:
            self._timer.cancel()

    def _look_in(self, seconds: float) -> None:
        """No later than the first moment at which a body that begins meanwhile could be late."""
        self._timer = self._loop.call_later(min(seconds, _BODY_S), self._look)

    def _look(self) -> None:
        body_left_s = self._body_left_s()
        if body_left_s <= 0:
            self._body_due = None
            self._body_late()
            body_left_s = _BODY_S
        self._timer = None
        if self._since is None:
            return
        before, self._unsent_bytes = self._unsent_bytes, self._transport.get_write_buffer_size()
        if self._unsent_bytes and (self._unsent_bytes < before or not before):
            self._since = self._loop.time()  # it takes its answer, if slowly
        left_s = self._since + self._limit_s - self._loop.time()
        if left_s > 0:
            self._look_in(min(left_s, body_left_s))
        elif self._unsent_bytes:
            self._transport.abort()
        else:
            self._transport.close()

    def _body_left_s(self) -> float:
        return _BODY_S if self._body_due is None else self._body_due - self._loop.time()


def _ignore() -> None:
    return None
