"""The latest events of each model, newest first."""

from headrace.observe.events import Event, Events
from headrace.records import ModelEvent, ShedRecord, TrafficEvent, WorkerEvent
from headrace.types import ModelVersion


def traffic(name: str, when_s: float) -> TrafficEvent:
    return TrafficEvent(name, 4, "rollout", "done", "why", when_s)


def test_what_happens_to_a_model_is_told_newest_first_with_its_reason() -> None:
    events = Events()
    events(
        [
            ModelEvent("m", 3, "READY", "", 1.0, 0.25, "asked for"),
            WorkerEvent(ModelVersion("m", 3), 0, "died", "killed", 2.0, 77),
            ShedRecord(ModelVersion("m", 3), "", "rate"),
            traffic("m", 3.0),
            ModelEvent("m", None, "UNAVAILABLE", "no model file", 4.0),
        ]
    )
    assert events.of("m") == [
        Event(4.0, "version", "UNAVAILABLE", reason="no model file"),
        Event(3.0, "rollout", "done", "4", "why"),
        Event(2.0, "worker", "died", "3", "killed"),
        Event(1.0, "version", "READY", "3", cause="asked for", seconds=0.25),
    ]
    assert events.of("n") == []


def test_only_the_latest_are_kept_of_a_model_and_only_so_many_models() -> None:
    events = Events(kept=2, models=2)
    events([traffic(name, when) for name in ("a", "b", "a", "c") for when in (1.0, 2.0, 3.0)])
    assert [event.time for event in events.of("a")] == [3.0, 2.0]
    assert (events.of("b"), len(events.of("c"))) == ([], 2)
