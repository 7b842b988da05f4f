"""What a server watches, from the records that it is told of."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from headrace.alike import lot_of
from headrace.arrays import from_array
from headrace.drift.model_drift import ModelDrift, Watched
from headrace.drift.waiting import MOST, TOGETHER
from headrace.drift.watch import DriftWatch
from headrace.errors import NotFound, VersionNotFound
from headrace.observe_settings import Drift
from headrace.records import DriftEvent, ModelEvent, Record, RequestRecord, SampleRecord
from headrace.types import BatchAxis, DriftChoices, ModelVersion
from tests.drift.driven import sample, signature
from tests.fakes import FakeClock

SETTINGS = Drift(reference=500, window=100)


class Told:
    """A watch, and the records that it makes."""

    def __init__(self, choices: DriftChoices = DriftChoices(), settings: Drift = SETTINGS) -> None:  # noqa: B008
        self.clock = FakeClock()
        self.records: list[Record] = []
        self.watch = DriftWatch(settings, self.records.append, self.clock, 0)
        self.watch.describe = self.describe
        self.choices = choices

    def describe(self, version: ModelVersion) -> Watched | None:
        return Watched(signature(), self.choices) if version.name == "m" else None

    def look(self) -> None:
        self.clock.pass_ms(100)
        for aside in self.watch.look():
            if aside is not None:
                aside()

    def feed(self, seed: int, rows: int, shift: float = 0.0) -> "Told":
        made = np.random.default_rng(seed).standard_normal((rows, 4)) + shift
        self.watch([asked(row, id_=f"{seed}-{i}") for i, row in enumerate(made)])
        self.look()
        return self


def asked(row: np.ndarray[Any, Any], version: int = 1, id_: str = "") -> SampleRecord:
    x = from_array("X", row[None].astype(np.float32))
    return sample([x], [from_array("Y", np.zeros((1, 1), np.float32))], version=version, id_=id_)


def test_what_was_asked_becomes_alarms_and_records_of_them() -> None:
    told = Told().feed(1, 600).feed(2, 100, 2.0)
    assert {each.feature for each in told.records if isinstance(each, DriftEvent)} == {f"X[{i}]" for i in range(4)}
    assert told.watch.tell("m", 1)["versions"][0]["state"] == "alarm"
    assert any(line.endswith(" 1") and "drift_alarm" in line for line in told.watch.lines())


def test_nothing_is_looked_at_while_records_are_handed_over() -> None:
    told = Told()
    told.watch([asked(np.zeros(4))])
    assert told.watch.tell("m")["versions"] == []
    told.look()
    assert told.watch.tell("m")["versions"][0]["rows"] == 1


def test_others_have_their_turn_after_each_lot_of_what_waits() -> None:
    told = Told()
    told.watch([asked(np.zeros(4)) for _ in range(3 * TOGETHER)])
    seen = [version["rows"] for _ in told.watch.look() for version in told.watch.tell("m")["versions"]]
    assert [seen.count(lots * TOGETHER) > 0 for lots in range(4)] == [True] * 4
    assert len(set(seen)) == 4


def test_what_comes_during_a_round_is_of_the_next() -> None:
    told = Told()
    told.watch([asked(np.zeros(4))])
    for _ in told.watch.look():
        told.watch([asked(np.zeros(4))])
    assert told.watch.tell("m")["versions"][0]["rows"] == 1


def test_of_a_model_without_drift_nothing_is_looked_at_nor_asked_for_again() -> None:
    told = Told(DriftChoices(enabled=False)).feed(1, 10)
    assert told.watch.tell("m")["versions"] == []
    assert told.watch.sampling.off == {"m"}


def test_a_model_that_is_loaded_anew_is_asked_anew_whether_it_is_watched() -> None:
    told = Told(DriftChoices(enabled=False)).feed(1, 10)
    told.choices = DriftChoices()
    told.watch([ModelEvent("m", 1, "READY", "", 0.0)])
    assert told.feed(2, 10).watch.tell("m")["versions"][0]["rows"] == 10


def test_what_does_not_fit_is_left_out_and_counted() -> None:
    told = Told()
    told.watch([asked(np.zeros(4))] * (MOST + 5))
    assert told.watch.dropped()["rate"] == 5


def test_an_unloaded_version_is_watched_no_more() -> None:
    told = Told().feed(1, 50)
    told.watch([ModelEvent("m", 1, "UNAVAILABLE", "", 0.0)])
    told.look()
    assert told.watch.tell("m")["versions"] == []
    with pytest.raises(VersionNotFound):
        told.watch.tell("m", 1)


def test_what_looking_costs_is_known_until_a_models_last_version_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    told.watch([asked(np.zeros(4), version=1 + i % 2) for i in range(20)])
    told.look()
    forgotten: list[str] = []
    monkeypatch.setattr(told.watch.sampling, "forget", forgotten.append)
    told.watch([ModelEvent("m", 1, "UNAVAILABLE", "", 0.0)])
    told.look()
    assert forgotten == []
    told.watch([ModelEvent("m", 2, "UNAVAILABLE", "", 0.0)])
    told.look()
    assert forgotten == ["m"]


def test_versions_that_follow_one_another_are_each_compared_with_the_one_before() -> None:
    told = Told()
    for version in range(1, 5):
        told.watch([asked(row, version) for row in np.random.default_rng(version).standard_normal((150, 4))])
        if version > 1:
            told.watch([ModelEvent("m", version - 1, "UNAVAILABLE", "", 0.0)])
        told.look()
    (version4,) = told.watch.tell("m")["versions"]
    assert (version4["version"], version4["previous"]) == ("4", "3")


def test_slower_answers_are_told_and_names_that_clients_make_up_are_not_kept() -> None:
    told = Told()
    for i in range(8000):
        took_ns = 10_000_000 * (3 if i > 4000 else 1) + i % 7 * 100_000
        told.watch.served(
            lot_of([RequestRecord("", name, 1, "http", 1, 0, 0, took_ns, None) for name in ("m", f"made-up-{i}")])
        )
        if i % 100 == 99:
            told.look()
    drifted = {(each.side, each.feature) for each in told.records if isinstance(each, DriftEvent)}
    assert drifted == {("service", "latency")}
    assert len(told.watch._services) == 1


def test_what_is_usual_may_be_seen_anew() -> None:
    told = Told().feed(1, 600).feed(2, 100, 2.0)
    told.records.clear()
    told.watch.forget("m")
    assert {each.state for each in told.records if isinstance(each, DriftEvent)} == {"quiet"}
    told.records.clear()
    told.feed(3, 1500, 2.0)
    assert told.records == []
    told.watch.forget("nobody")
    with pytest.raises(VersionNotFound, match="nothing is known yet of version 9 of m"):
        told.watch.forget("m", 9)


async def test_a_label_may_come_right_after_its_answer() -> None:
    told = Told()
    told.watch.start()
    told.watch([asked(np.zeros(4), id_="a")])
    judged = await told.watch.judge("a", [1.0])
    assert judged.mean_error == 1.0
    with pytest.raises(NotFound):
        await told.watch.judge("b", [1.0])
    await told.watch.close()


def test_a_fault_in_looking_ends_it_for_that_model_alone(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()

    def broken(version: ModelVersion) -> Watched | None:
        raise RuntimeError("broken")

    fine: Callable[[ModelVersion], Watched | None] = told.watch.describe
    told.watch.describe = broken
    told.feed(1, 1)
    assert "watched no more" in caplog.text
    told.watch.describe = fine
    assert told.watch.sampling.off == {"m"}


def test_a_fault_at_a_versions_end_leaves_others_watched(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: ModelDrift, version: int, now_ns: int) -> Iterator[None]:
        raise RuntimeError("broken")
        yield

    told = Told().feed(1, 50)
    monkeypatch.setattr(ModelDrift, "unloaded", broken)
    told.watch([ModelEvent("m", 1, "UNAVAILABLE", "", 0.0)])
    told.look()
    assert "watched no more" in caplog.text
    told.look()
    assert told.watch.sampling.off == {"m"}


def test_requests_of_several_versions_are_told_apart() -> None:
    told = Told()
    told.watch([asked(np.zeros(4), version=1 + i % 2) for i in range(20)])
    told.look()
    assert [(each["version"], each["rows"]) for each in told.watch.tell("m")["versions"]] == [("1", 10), ("2", 10)]


def test_steps_are_short_enough_to_let_others_in_between() -> None:
    told = Told()
    told.watch([asked(row) for row in np.random.default_rng(1).standard_normal((1000, 4))])
    steps: Iterator[Any] = told.watch.look()
    assert sum(1 for _ in steps) > 10


def test_a_batch_axis_that_is_found_counts_rows() -> None:
    told = Told().feed(1, 10)
    assert told.watch.sampling.batched == {"m": True}
    assert isinstance(signature().batch, BatchAxis)
