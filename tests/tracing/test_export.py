"""A collector that is slow or dead holds up nobody, and what it did not get is counted."""

import random
import threading
from collections.abc import Callable, Sequence

import pytest

from headrace.tracing import export as module
from headrace.tracing.export import Export
from headrace.tracing.spans import Kept, Span, SpanMaker
from tests.tracing.make import traced


class Collector:
    """Takes spans as `answer` says."""

    def __init__(self, answer: Callable[[], bool] = lambda: True) -> None:
        self.spans: list[Span] = []
        self.closed = False
        self._answer = answer

    def send(self, spans: Sequence[Span]) -> bool:
        self.spans += spans
        return self._answer()

    def close(self) -> None:
        self.closed = True


def exporting(collector: Collector) -> Export:
    return Export(SpanMaker(0, random.Random(1).getrandbits), lambda: collector)


def test_what_waits_at_the_end_is_sent() -> None:
    collector = Collector()
    export = exporting(collector)
    export.put([Kept(traced())])
    export.start()
    export.close(30)
    assert len(collector.spans) == 7
    assert collector.closed
    assert not export.dropped


def test_what_a_collector_refuses_is_counted() -> None:
    export = exporting(Collector(lambda: False))
    export.start()
    export.put([Kept(traced()), Kept(traced(1))])
    export.close(30)
    assert export.dropped == {"collector": 2}


def test_an_exporter_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> bool:
        raise RuntimeError("a fault")

    export = exporting(Collector(fail))
    export.start()
    export.put([Kept(traced())])
    export.put([Kept(traced())])
    export.close(30)
    assert export.dropped == {"collector": 2}
    assert "a fault" in caplog.text


def test_behind_a_collector_that_hangs_only_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 5)
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> bool:
        begun.set()
        return go_on.wait(30)

    export = exporting(Collector(hang))
    export.start()
    export.put([Kept(traced())])
    assert begun.wait(30)
    for _ in range(8):
        export.put([Kept(traced())])
    assert export.dropped == {"full": 3}
    go_on.set()
    export.close(30)


def test_an_exporter_that_cannot_be_made_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def connect() -> Collector:
        raise RuntimeError("no library")

    export = Export(SpanMaker(0, random.Random(1).getrandbits), connect)
    export.start()
    export.put([Kept(traced())])
    export.close(30)
    assert "no library" in caplog.text
