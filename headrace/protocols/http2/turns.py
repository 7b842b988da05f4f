"""How a connection is read: a little each turn of the loop, so that one which sends much holds up no other."""

import asyncio
import logging
from collections.abc import Callable

from headrace.protocols.http2.codes import INTERNAL_ERROR
from headrace.protocols.http2.faults import ConnectionFault
from headrace.protocols.http2.line import Line
from headrace.protocols.http2.outlet import Outlet
from headrace.protocols.http2.reader import FrameReader

log = logging.getLogger(__name__)


class Turns:
    """Has the reader hand on frames while its turn lasts, and nothing more be read until it has caught up, in its place
    in the line. What is answered within a turn leaves at the end of it.

    `failed` is told the code and the words of what ends the connection.
    """

    __slots__ = ("_behind", "_blocked", "_failed", "_line", "_outlet", "_reader", "_stopped", "_transport", "_waiting")

    def __init__(
        self,
        reader: FrameReader,
        transport: asyncio.Transport,
        outlet: Outlet,
        line: Line,
        failed: Callable[[int, str], None],
    ) -> None:
        self._reader = reader
        self._transport = transport
        self._outlet = outlet
        self._line = line
        self._failed = failed
        self._waiting = False  # in the line
        self._behind = False  # frames wait for the next turn, or more of them for being read
        self._blocked = False  # the client does not take what is there for it
        self._stopped = False

    def take(self, count: int) -> None:
        """So many bytes have come, or none: go on with what is here."""
        self._outlet.hold()
        try:
            whole = self._reader.received(count)
        except ConnectionFault as fault:
            self._failed(fault.code, fault.why)
        except Exception:
            log.exception("a connection failed")
            self._failed(INTERNAL_ERROR, "the server failed on this connection; its log says why")
        else:
            if not whole and not self._stopped:
                self._behind = True
                self._transport.pause_reading()
                self._wait()
        self._outlet.release()

    def _wait(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._line.join(self._catch_up)

    def _catch_up(self) -> None:
        self._waiting = False
        if self._stopped or self._blocked or not self._behind:
            return
        self._behind = False
        self.take(0)
        if not self._behind:
            self._go_on()

    def block(self) -> None:
        """Read nothing, and hand nothing on."""
        self._blocked = True
        if not self._stopped:
            self._transport.pause_reading()

    def unblock(self) -> None:
        self._blocked = False
        if self._behind and not self._stopped:
            self._wait()
        else:
            self._go_on()

    def _go_on(self) -> None:
        if not self._blocked and not self._stopped:
            self._transport.resume_reading()

    def stop(self) -> None:
        """For good: nothing that arrives is looked at any more. Lets go of who is told, which refers to this."""
        self._stopped = True
        self._failed = _unheard


def _unheard(code: int, why: str) -> None:
    """The connection has ended already."""
