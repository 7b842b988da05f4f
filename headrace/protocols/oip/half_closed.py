"""A client that sends nothing more and still waits: whether it listens, or is gone, which look the same from here."""

from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_FIRST_S = 0.01  # many answers come sooner, and nobody need be asked; the second time tells who is gone
_UNASKED_S = 0.05  # for who cannot be asked
_LONGEST_S = 5.0


class HalfClosed:
    """Sends interim answers until the answer begins: where nobody listens any more, they cost the connection its life.

    The machine of a client that is gone refuses what still comes for it, whereupon the transport tells that the
    connection is lost. One that only speaks HTTP/1.0 knows no interim answers: it counts as gone after a moment.
    """

    def __init__(
        self, transport: Transport, loop: AbstractEventLoop, http_version: str, unanswered: Callable[[], bool]
    ) -> None:
        """`unanswered` says whether the next byte to be written is the first of an answer."""
        self._transport = transport
        self._loop = loop
        self._may_ask = http_version != "1.0"
        self._unanswered = unanswered
        self._wait_s = _FIRST_S if self._may_ask else _UNASKED_S
        self._timer = loop.call_later(self._wait_s, self._ask)

    def cancel(self) -> None:
        """The connection is gone."""
        self._timer.cancel()

    def _ask(self) -> None:
        if self._transport.is_closing():
            return
        if self._unanswered():
            if not self._may_ask:
                self._transport.close()
                return
            self._transport.write(CONTINUE)
        self._wait_s = min(2 * self._wait_s, _LONGEST_S)
        self._timer = self._loop.call_later(self._wait_s, self._ask)
