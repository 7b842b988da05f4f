"""A collector that is slow or dead holds up nobody, and what it did not get is counted, and told with the next."""

import threading
from collections.abc import Callable, Sequence

import pytest

from headrace.pushing import push as module
from headrace.pushing.push import Page, Push
from headrace.pushing.since import Lot, Since
from tests.pushing.make import page


class Collector:
    """Takes families as `answer` says."""

    def __init__(self, answer: Callable[[], bool] = lambda: True) -> None:
        self.messages: list[list[str]] = []
        self.counts: list[object] = []
        self.closed = False
        self._answer = answer

    def send(self, lots: Sequence[Lot], at_ns: int) -> bool:
        self.messages.append([lot.of.name for lot in lots])
        self.counts += [told.value for lot in lots if lot.of.kind == "counter" for told in lot.told]
        return self._answer()

    def close(self) -> None:
        self.closed = True


def pushing(collector: Collector, delta: bool = False) -> Push:
    return Push(Since(delta, 100), lambda: collector)


def pushed(collector: Collector, *texts: str, delta: bool = False) -> Push:
    """One after another, each sent before the next comes."""
    done = threading.Semaphore(0)

    class Each(Collector):
        def send(self, lots: Sequence[Lot], at_ns: int) -> bool:
            try:
                return collector.send(lots, at_ns)
            finally:
                done.release()

    push = pushing(Each(), delta)
    push.start()
    for number, text in enumerate(texts):
        push.put(Page(text.encode(), 200 + number))
        assert done.acquire(timeout=30)
    push.close(30)
    return push


def test_what_waits_at_the_end_is_sent() -> None:
    collector = Collector()
    push = pushing(collector)
    push.put(Page(page(7).encode(), 200))
    push.start()
    push.close(30)
    assert collector.messages == [["requests_total", "waiting", "took_seconds"]]
    assert collector.counts == [7]
    assert collector.closed
    assert not +push.dropped


def test_what_a_collector_refuses_is_counted_and_told_with_the_next() -> None:
    answers = iter([True, False, True])
    collector = Collector(lambda: next(answers))
    push = pushed(collector, page(3), page(5), page(9), delta=True)
    assert collector.counts == [3, 2, 6]
    assert +push.dropped == {"collector": 1}


def test_of_a_large_page_what_arrived_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER", 1)
    answers = iter([True, False, True])  # the counter arrives, the gauge does not
    collector = Collector(lambda: next(answers))
    push = pushing(collector, delta=True)
    push.put(Page(page(3).encode(), 200))
    push.start()
    push.close(30)
    assert collector.messages == [["requests_total"], ["waiting"], ["took_seconds"]]
    assert +push.dropped == {"collector": 1}


def test_an_exporter_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> bool:
        raise RuntimeError("a fault")

    push = pushed(Collector(fail), page(), page())
    assert +push.dropped == {"collector": 2}
    assert "a fault" in caplog.text


def test_behind_a_collector_that_hangs_only_the_latest_page_waits() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> bool:
        begun.set()
        return go_on.wait(30)

    collector = Collector(hang)
    push = pushing(collector)
    push.start()
    push.put(Page(page(1).encode(), 200))
    assert begun.wait(30)
    for count in (2, 3, 4):
        push.put(Page(page(count).encode(), 200 + count))
    assert +push.dropped == {"late": 2}
    go_on.set()
    push.close(30)
    assert collector.counts == [1, 4]


def test_an_exporter_that_cannot_be_made_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def connect() -> Collector:
        raise RuntimeError("no library")

    push = Push(Since(delta=False, began_ns=0), connect)
    push.start()
    push.close(30)
    assert "no library" in caplog.text
