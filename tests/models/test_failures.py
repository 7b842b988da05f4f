"""What is loaded and cannot answer is told as failed, for as long as that is so."""

from pathlib import Path

import pytest

from headrace.models.failures import Failures
from headrace.models.lifecycle import States
from headrace.models.registry import Registry, Served
from headrace.models.wishes import Wishes
from headrace.records import ModelEvent, Record
from headrace.traffic.plans import Plans, Split
from headrace.types import Manifest, ModelVersion
from tests.fakes import FakeClock
from tests.models.reconcile_bench import Answering
from tests.observe.make import worker

VERSION = ModelVersion("m", 1)


class Bench:
    def __init__(self) -> None:
        self.events: list[ModelEvent] = []
        self.alive = {7, 8, 9}
        self.states = States(self._record, FakeClock())
        self.registry = Registry(self.states.of)
        self.manifest = manifest = Manifest("m", 1, Path("m"), "fake")
        self.registry.publish(Served(VERSION, manifest, Answering(manifest, [])))
        self.states.put("m", 1, "READY")
        self.failures = Failures(self.registry, self.states, self.alive.__contains__)

    def _record(self, record: Record) -> None:
        assert isinstance(record, ModelEvent)
        self.events.append(record)

    def tell(self, *events: tuple[str, int, str]) -> None:
        self.failures([worker(what, pid=pid, reason=why) for what, pid, why in events])

    def told(self) -> tuple[str, str]:
        status = self.states.get("m", 1)
        assert status is not None
        return status.state, status.reason


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_once_the_last_worker_is_given_up_it_is_unavailable_with_the_workers_last_words(bench: Bench) -> None:
    bench.tell(
        ("started", 7, ""), ("died", 7, "crashed"), ("failed", 0, "its worker crashed, 3 times; its last words: x")
    )
    assert bench.told() == ("UNAVAILABLE", "FAILED: its worker crashed, 3 times; its last words: x")
    assert bench.events[-1].goes_on


def test_it_is_ready_again_once_a_worker_is(bench: Bench) -> None:
    bench.tell(("failed", 0, "crashed"), ("started", 8, ""))
    assert bench.told() == ("READY", "")
    assert bench.events[-1].cause == "its worker is back"


def test_what_failed_is_given_no_share_until_a_worker_is_back(bench: Bench) -> None:
    bench.registry.publish(Served(ModelVersion("m", 2), bench.manifest, Answering(bench.manifest, [])))
    bench.registry.wish("m", Wishes(traffic=Plans(split=Split({1: 0.5, 2: 0.5}))))
    bench.tell(("failed", 0, "crashed"))
    assert bench.registry.shares("m") == {2: 1.0}
    bench.tell(("started", 8, ""))
    assert bench.registry.shares("m") == {1: 0.5, 2: 0.5}


def test_while_another_worker_answers_it_is_ready(bench: Bench) -> None:
    bench.tell(("started", 7, ""), ("started", 8, ""), ("died", 7, ""), ("failed", 0, "crashed"))
    assert bench.told() == ("READY", "")


def test_a_worker_that_ended_and_nobody_told_of_it_answers_nothing(bench: Bench) -> None:
    bench.tell(("started", 7, ""))
    bench.alive.discard(7)
    bench.tell(("failed", 0, "crashed"))
    assert bench.told()[0] == "UNAVAILABLE"


def test_the_same_again_is_no_news(bench: Bench) -> None:
    bench.tell(("failed", 0, "crashed"), ("failed", 0, "crashed"))
    assert len(bench.events) == 2


def test_what_is_not_loaded_stays_as_it_is(bench: Bench) -> None:
    bench.registry.withdraw(VERSION)
    bench.states.put("m", 1, "UNAVAILABLE", "unloaded")
    bench.tell(("failed", 0, "crashed"), ("started", 8, ""))
    assert bench.told() == ("UNAVAILABLE", "unloaded")


def test_while_the_next_worker_is_started_it_is_ready_with_a_reason(bench: Bench) -> None:
    bench.states.put("m", 1, "READY", "a warning")
    events = len(bench.events)
    bench.tell(("started", 7, ""), ("hung", 7, "was stopped by a signal"))
    assert bench.told() == ("READY", "its worker was stopped by a signal; another is being started")
    bench.tell(("died", 8, "was killed"))
    assert bench.told() == ("READY", "its worker was killed; another is being started")
    bench.tell(("started", 9, ""))
    assert bench.told() == ("READY", "a warning")
    assert len(bench.events) == events


def test_of_one_that_has_another_worker_nothing_is_told(bench: Bench) -> None:
    bench.tell(("started", 7, ""), ("started", 8, ""), ("died", 7, "was killed"))
    assert bench.told() == ("READY", "")


def test_what_was_loaded_anew_meanwhile_keeps_its_own_reason(bench: Bench) -> None:
    bench.tell(("started", 7, ""), ("died", 7, "was killed"))
    bench.states.put("m", 1, "READY", "loaded anew")
    bench.tell(("started", 8, ""))
    assert bench.told() == ("READY", "loaded anew")
