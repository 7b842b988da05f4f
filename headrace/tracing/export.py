"""Spans on their way to a collector: made and sent by a thread, which a slow or dead collector holds up alone."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Protocol

from headrace.tracing.spans import Kept, Span, SpanMaker

log = logging.getLogger(__name__)

MOST_WAITING = 4096  # requests
GOODBYE_S = 2.0  # that what still waits has to be sent at the end


class Exporter(Protocol):
    """Sends spans: `tracing/otlp.py`. Called on the thread alone, but for `close`."""

    def send(self, spans: Sequence[Span]) -> bool:
        """Whether the collector has them; may take long, and not raise."""
        ...

    def close(self) -> None: ...


class Export:
    """Takes kept requests and returns at once; owns its thread, from `start` to `close`."""

    def __init__(self, maker: SpanMaker, connect: Callable[[], Exporter]) -> None:
        """`connect` is called on the thread: it may take long to have the libraries."""
        self.dropped: Counter[str] = Counter()  # requests, by reason: full, collector
        self._maker = maker
        self._connect = connect
        self._exporter: Exporter | None = None
        self._waiting: deque[Sequence[Kept]] = deque()
        self._number = 0
        self._some = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, lot: Sequence[Kept]) -> None:
        """Have the traces of these sent; those of one run come together."""
        if self._number + len(lot) > MOST_WAITING:
            self.dropped["full"] += len(lot)
            return
        self._number += len(lot)
        self._waiting.append(lot)
        self._some.set()

    def close(self, wait_s: float = GOODBYE_S) -> None:
        """Send what waits, as far as that can be done in so long."""
        self._closing = True
        self._some.set()
        self._thread.join(wait_s)
        if self._exporter is not None:
            self._exporter.close()

    def _run(self) -> None:
        try:
            self._exporter = exporter = self._connect()
        except Exception:
            log.exception("traces are not sent: their exporter cannot be made")
            return
        while True:
            self._some.wait()
            self._some.clear()
            while self._waiting:
                lot = self._waiting.popleft()
                self._number -= len(lot)
                self._send(exporter, lot)
            if self._closing:
                return

    def _send(self, exporter: Exporter, lot: Sequence[Kept]) -> None:
        try:
            sent = exporter.send(self._maker.spans(lot))
        except Exception:
            log.exception("the traces of %d requests could not be made", len(lot))
            sent = False
        if not sent:
            self.dropped["collector"] += len(lot)
