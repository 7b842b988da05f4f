"""A thread that sends what waits, which a slow or dead collector holds up alone."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

log = logging.getLogger(__name__)

GOODBYE_S = 2.0  # that what still waits has to be sent at the end


class Closes(Protocol):
    """Whatever is sent with."""

    def close(self) -> None: ...


E = TypeVar("E", bound=Closes)


class Sending(Generic[E]):
    """Owns the thread, from `start` to `close`, and the exporter that is made on it."""

    def __init__(
        self, signal: str, connect: Callable[[], E], send: Callable[[E], None], together_s: float = 0.0
    ) -> None:
        """`signal` is what goes to the collector, in one word; `send` takes and sends what waits, and does not raise.

        Both are called on the thread: `connect` may take long to have the libraries. Once there is `some`, others that
        come within `together_s` are sent with it.
        """
        self._signal = signal
        self._connect = connect
        self._send = send
        self._together_s = together_s
        self._exporter: E | None = None
        self._some = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=signal, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def some(self) -> None:
        """Something waits."""
        if not self._some.is_set():  # else the thread has yet to look at what waits
            self._some.set()

    def close(self, wait_s: float = GOODBYE_S) -> None:
        """Send what waits, as far as that can be done in so long."""
        self._closing.set()
        self._some.set()
        self._thread.join(wait_s)
        if self._exporter is not None:
            self._exporter.close()

    def _run(self) -> None:
        try:
            self._exporter = exporter = self._connect()
        except Exception:
            log.exception("%s are not sent: their exporter cannot be made", self._signal)
            return
        while True:
            self._some.wait()
            self._closing.wait(self._together_s)
            self._some.clear()
            self._send(exporter)
            if self._closing.is_set() and not self._some.is_set():
                return
