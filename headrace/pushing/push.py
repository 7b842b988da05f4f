"""Pages on their way to a collector: taken apart and sent by a thread, which a slow collector holds up alone."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from headrace.collector.sending import GOODBYE_S, Sending
from headrace.pushing.samples import Samples, samples_of
from headrace.pushing.since import Lot, Since

log = logging.getLogger(__name__)

TOGETHER = 1000
"""Samples of one message, or a family more."""


class Page(NamedTuple):
    """What Prometheus would read, and when that was; Unix time."""

    text: bytes
    at_ns: int


class Exporter(Protocol):
    """Sends metrics: `pushing/otlp.py`. Called on the thread alone, but for `close`."""

    def send(self, lots: Sequence[Lot], at_ns: int) -> bool:
        """Whether the collector has them; may take long, and not raise."""
        ...

    def close(self) -> None: ...


class Push:
    """Takes pages and returns at once; owns its thread, from `start` to `close`.

    A page that waits while the next comes is left out: that one has all that it would have told.
    """

    def __init__(self, since: Since, connect: Callable[[], Exporter]) -> None:
        """`connect` is called on the thread: it may take long to have the libraries."""
        self.dropped = Counter(late=0, collector=0)  # pages, by reason
        self._since = since
        self._page: Page | None = None
        self._lock = threading.Lock()  # of the page that waits
        self._sending = Sending("metrics", connect, self._send)

    def start(self) -> None:
        self._sending.start()

    def put(self, page: Page) -> None:
        """Have it sent."""
        with self._lock:
            late = self._page is not None
            self._page = page
        self.dropped["late"] += late
        self._sending.some()

    def close(self, wait_s: float = GOODBYE_S) -> None:
        """Send what waits, as far as that can be done in so long."""
        self._sending.close(wait_s)

    def _send(self, exporter: Exporter) -> None:
        with self._lock:
            page, self._page = self._page, None
        if page is None:
            return
        try:
            sent = self._sent(exporter, page)
        except Exception:
            log.exception("metrics could not be pushed")
            sent = False
        self.dropped["collector"] += not sent

    def _sent(self, exporter: Exporter, page: Page) -> bool:
        families = list(samples_of(page.text.decode()))
        lots = list(_together(families))
        arrived = [self._arrived(exporter, lot, page.at_ns) for lot in lots]
        self._since.over(families, page.at_ns)
        return all(arrived)

    def _arrived(self, exporter: Exporter, families: Sequence[Samples], at_ns: int) -> bool:
        lots = [self._since.told(each) for each in families]
        if not exporter.send(lots, at_ns):
            return False
        for lot in lots:
            self._since.sent(lot, at_ns)
        return True


def _together(families: Sequence[Samples]) -> Iterator[list[Samples]]:
    """Those of one message after another."""
    lot: list[Samples] = []
    number = 0
    for family in families:
        lot.append(family)
        number += len(family.samples)
        if number >= TOGETHER:
            yield lot
            lot, number = [], 0
    if lot:
        yield lot
