"""Lines of the log, out of what is seen."""

from headrace.changes.change_log import ChangeLog
from headrace.changes.mix import Move
from headrace.changes.noticing import Led, Noticing
from headrace.records import DriftEvent, ModelEvent, TrafficEvent, WorkerEvent
from headrace.types import ModelVersion

M = ModelVersion("m", 2)


class Now:
    def __init__(self) -> None:
        self.log = ChangeLog()
        self.now_s = 1000.0
        self.led: dict[str, Led] = {}
        self.noticing = Noticing(self.log, lambda: self.now_s, lambda: self.led)

    def look(self, led: Led) -> None:
        """Requests for the model are led so from now on, which is seen a second later."""
        self.led = {"m": led}
        self.now_s += 1
        self.noticing.look(self.led)

    def told(self) -> list[tuple[str, str, str]]:
        return [(entry.kind, entry.text, entry.actor) for entry in reversed(self.log.of())]

    def kinds(self) -> list[str]:
        return [entry.kind for entry in reversed(self.log.of())]


def ready(version: int, when_s: float = 1000.0) -> ModelEvent:
    return ModelEvent("m", version, "READY", "", when_s, 0.5, "its files changed")


def drift(side: str, state: str = "alarm", when_s: float = 1000.0) -> DriftEvent:
    return DriftEvent(M, "X[0]", side, state, "reference", "psi", 3.0, when_s - 20, when_s)


def test_a_version_that_becomes_ready_and_answers_by_default_is_a_release() -> None:
    now = Now()
    for version in (1, 2, 3):
        now.led = {"m": Led(version)}
        now.noticing([ready(version)])
    assert [text for _, text, _ in now.told()] == [
        "version 1 became ready (its files changed)",
        "version 2 became ready; before it was version 1 (its files changed)",
        "version 3 became ready; before it was version 2 (its files changed)",
    ]
    assert now.kinds() == ["load", "release", "release"]
    now.look(Led(3))
    now.look(Led(3))
    assert now.kinds() == ["load", "release", "release"]


def test_what_answers_only_who_names_it_is_no_release() -> None:
    now = Now()
    now.look(Led(1, {"stable": 1}))
    now.noticing([ready(3), ready(2)])
    now.look(Led(1, {"stable": 1}))
    assert now.kinds() == ["load", "load"]
    assert "before" not in "".join(text for _, text, _ in now.told())


def test_of_versions_that_are_loaded_anew_those_that_answer_are_releases() -> None:
    now = Now()
    now.look(Led(1, {"canary": 2}, shared=frozenset({3})))
    now.noticing([ready(4), ready(3), ready(2), ready(1)])
    assert [(entry.kind, entry.version) for entry in reversed(now.log.of())] == [
        ("load", "4"),
        ("release", "3"),
        ("release", "2"),
        ("release", "1"),
    ]
    assert "before" not in "".join(text for _, text, _ in now.told())


def test_labels_are_led_by_files_by_requests_or_by_the_end_of_a_rollout() -> None:
    now = Now()
    now.look(Led(1, {"canary": 1, "stable": 1}, asked=frozenset({"stable"})))
    now.look(Led(2, {"canary": 2, "stable": 2}, asked=frozenset({"stable"})))
    now.noticing([TrafficEvent("m", 3, "rollout", "done", "", now.now_s)])
    now.look(Led(3, {"canary": 2, "stable": 3}, asked=frozenset({"stable"})))
    now.look(Led(1, {"canary": 1, "stable": 1}))
    actors = [(entry.text[:13], entry.actor) for entry in reversed(now.log.of()) if entry.kind == "label"]
    assert actors == [
        ("label 'canary", "files"),
        ("label 'stable", "a request"),
        ("label 'stable", "the server"),
        ("label 'canary", "files"),
        ("label 'stable", "a request"),
    ]


def test_another_version_answers_by_whoever_had_the_last_one_go() -> None:
    now = Now()
    now.look(Led(2))
    unloaded = ModelEvent("m", 2, "UNAVAILABLE", "unloaded", now.now_s, cause="its files are gone")
    now.noticing([unloaded])
    for _ in range(3):
        now.look(Led(1))
    assert [(kind, actor) for kind, _, actor in now.told()] == [("unload", "files"), ("release", "files")]


def test_traffic_and_workers_are_lines_too() -> None:
    now = Now()
    split = TrafficEvent("m", None, "split", "set", "", 1000.0)
    started = WorkerEvent(M, 0, "started", "", 1000.0, 4)
    now.noticing([split, started, WorkerEvent(M, 0, "died", "was killed", 1000.0, 4)])
    assert now.kinds() == ["split", "worker"]


def test_of_drift_every_alarm_is_kept_and_one_line_a_while() -> None:
    now = Now()
    now.noticing([drift("inputs"), drift("inputs"), drift("inputs", "quiet"), drift("latency"), drift("schema")])
    assert [(each.side, each.window_s) for each in now.noticing.drifts] == [("inputs", 20), ("inputs", 20)]
    assert now.kinds() == ["inputs", "schema"]


def test_where_a_label_leads_is_told_once_it_leads_elsewhere() -> None:
    now = Now()
    for labels in ({"stable": 1}, {"stable": 1}, {"stable": 2}, {}):
        now.noticing.look({"m": Led(1, labels)})
    texts = [entry.text for entry in reversed(now.log.of())]
    assert texts == [
        "label 'stable' leads to version 2; before to version 1",
        "label 'stable' is gone; before to version 2",
    ]


def test_another_version_that_answers_without_being_loaded_is_a_release() -> None:
    now = Now()
    for _ in range(3):
        now.noticing.look({"m": Led(1)})
        now.now_s += 1
    for _ in range(3):
        now.noticing.look({"m": Led(2)})
        now.now_s += 1
    (entry,) = now.log.of()
    assert (entry.means, entry.version, entry.at) == ("release", "2", 1003.0)


def test_one_that_was_loaded_for_it_is_told_once() -> None:
    now = Now()
    now.noticing([ready(1)])
    now.look(Led(1))
    now.look(Led(2))
    now.noticing([ready(2)])
    now.look(Led(2))
    now.look(Led(2))
    assert now.kinds() == ["load", "release"]
    assert now.told()[1][1] == "version 2 became ready; before it was version 1 (its files changed)"


def test_a_move_of_traffic_that_is_seen_again_is_one_line() -> None:
    now = Now()
    for at in (990, 991, 1080):
        now.noticing.moved("m", [Move("traffic", at, "rows of a request went from 1 to 4")])
    assert [entry.at for entry in now.log.of()] == [1080, 990]


def test_what_a_clock_told_that_was_set_meanwhile_is_of_now() -> None:
    now = Now()
    now.noticing([ready(1, when_s=5.0)])
    (entry,) = now.log.of()
    assert (entry.at, entry.began) == (1000.0, 999.5)


def test_another_version_than_answered_before_the_start_is_a_release() -> None:
    now = Now()
    now.noticing.recalled = {"m": 1, "n": 1}
    for _ in range(3):
        now.noticing.look({"m": Led(2), "n": Led(1)})
        now.now_s += 1
    (entry,) = now.log.of()
    assert (entry.model, entry.means, entry.version) == ("m", "release", "2")
    assert now.noticing.defaults == {"m": 2, "n": 1}


def test_one_that_is_back_at_once_is_none() -> None:
    now = Now()
    for version in (1, 2, 1, 1, 1):
        now.noticing.look({"m": Led(version)})
        now.now_s += 0.3
    assert now.log.of() == []
