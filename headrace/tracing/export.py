"""Spans on their way to a collector: made and sent by a thread, which a slow or dead collector holds up alone."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from headrace.collector.sending import GOODBYE_S, Sending
from headrace.tracing.spans import Kept, Span, SpanMaker

log = logging.getLogger(__name__)

MOST_WAITING = 4096  # requests
TOGETHER_S = 1.0  # that requests wait for others to be sent with: a message costs more than what is in it


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
        self._waiting: list[Kept] = []
        self._lock = threading.Lock()  # of what waits
        self._sending = Sending("traces", connect, self._send, TOGETHER_S)

    def start(self) -> None:
        self._sending.start()

    def put(self, lot: Sequence[Kept]) -> None:
        """Have the traces of these sent; those of one run come together."""
        with self._lock:
            full = len(self._waiting) + len(lot) > MOST_WAITING
            if not full:
                self._waiting.extend(lot)
        if full:
            self.dropped["full"] += len(lot)
        else:
            self._sending.some()

    def close(self, wait_s: float = GOODBYE_S) -> None:
        """Send what waits, as far as that can be done in so long."""
        self._sending.close(wait_s)

    def _send(self, exporter: Exporter) -> None:
        with self._lock:
            lot, self._waiting = self._waiting, []
        if not lot:
            return
        try:
            sent = exporter.send(self._maker.spans(lot))
        except Exception:
            log.exception("the traces of %d requests could not be made", len(lot))
            sent = False
        if not sent:
            self.dropped["collector"] += len(lot)
