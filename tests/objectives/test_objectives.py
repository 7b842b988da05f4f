"""What happens to a server is counted, looked at, told to whoever is to know, and kept for the next start."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.alert_settings import Alerts, FastBurn, MediumBurn, Slo, SlowBurn
from headrace.errors import ModelNotFound, NotFound, NotKept
from headrace.objectives import objectives as module
from headrace.objectives.notices import Notice, Together
from headrace.objectives.objectives import Asked, Objectives
from headrace.objectives.receiver import Receiver
from headrace.objectives.receivers import receivers
from headrace.objectives.rules import (
    ABSENT,
    BURN_FAST,
    CRASH_LOOP,
    DRIFT,
    DROPPED,
    MEMORY,
    MODEL_FAILED,
    Watched,
    rules,
)
from headrace.objectives.store import FILE, Store
from headrace.records import Record
from headrace.types import Manifest, Objective, VersionStatus
from tests.objectives.hook import Hook, hook
from tests.objectives.make import bad, drift, good
from tests.observe.make import hand_on, moved, worker

SLO = Slo(0.99, 1.0, 3, FastBurn(14.4, 60.0, 6.0), MediumBurn(6.0, 120.0, 12.0), SlowBurn(1.0, 600.0, 60.0))
ALERTS = Alerts(for_s=5.0, resolve_s=5.0, window_s=60.0)


MANIFEST = Manifest("m", 1, Path("model.fake"), "fake", objective=Objective(p99_ms=50.0))


class Told:
    """A policy that writes down what it is told, and sends nothing."""

    def __init__(self) -> None:
        self.firing: list[str] = []

    def due(self, now_s: float, firing: Together) -> list[Notice]:
        self.firing = [key.alert for key in firing]
        return []

    def settled(self, group: str, told: bool) -> None: ...

    def quieten(self, silenced: Together) -> None: ...


class Watching:
    """Objectives of a server that the test plays, and its clock."""

    def __init__(self, folder: Path | None = None, alerts: Alerts = ALERTS, told_by: Sequence[Receiver] = ()) -> None:
        self.now_s = 1_700_000_000.0
        self.index = [VersionStatus("m", 1, "READY")]
        self.stalled: float | None = None
        self.dropped: dict[tuple[str, str], int] = {}
        self.told = Told()
        self.objectives = Objectives(
            Watched(SLO, alerts, pressure=40.0),
            Asked(
                lambda version: MANIFEST if version == MANIFEST.id else None,
                lambda: self.index,
                lambda: {"pressure": None if self.stalled is None else {"full": 100 * self.stalled}},
                lambda: self.dropped,
            ),
            told_by or [Receiver("test", self.told, lambda notice: None)],
            {},
            folder,
            lambda: self.now_s,
        )
        self(moved("READY"))

    def __call__(self, *records: Record) -> None:
        hand_on(records, self.objectives)

    async def until(self, true: Callable[[], bool]) -> None:
        """Let time pass, a second for each turn, while the server looks by itself."""
        while not true():
            self.now_s += 1.0
            await asyncio.sleep(0.005)

    def look(self, after_s: float = 1.0) -> list[str]:
        """The alerts that a receiver is told of after that time."""
        self.now_s += after_s
        self.objectives.look()
        return self.told.firing

    def state(self, **moved: Any) -> None:
        self.index = [msgspec.structs.replace(self.index[0], **moved)]


def test_failures_burn_the_budget_and_it_recovers() -> None:
    watching = Watching()
    watching(*good(100))
    assert watching.look() == []
    watching(*bad(100))
    assert BURN_FAST in watching.look()
    watching(*good(100_000))
    watching.look(7)
    assert watching.look(6) == []


def test_late_answers_burn_the_budget_of_their_own_objective() -> None:
    watching = Watching()
    watching(*good(100, took_ms=60))
    watching.look()
    burning = {each["labels"]["objective"] for each in watching.objectives.told()["alerts"]}
    assert burning == {"p99_ms"}


def test_a_version_that_cannot_answer_any_more_is_told_until_it_can() -> None:
    watching = Watching()
    watching.state(state="UNAVAILABLE", reason="FAILED: it died")
    assert watching.look() == []
    assert watching.look(5) == [MODEL_FAILED]
    watching.state(state="READY", reason="")
    watching.look()
    assert watching.look(5) == []


def test_workers_that_die_again_and_again_are_told() -> None:
    watching = Watching()
    watching(worker("died"), worker("died"))
    assert watching.look() == []
    watching(worker("died"))
    assert watching.look() == [CRASH_LOOP]
    watching.look(61)
    assert watching.look(5) == []


def test_memory_drift_and_what_was_left_out_are_told() -> None:
    watching = Watching()
    watching(drift("alarm"))
    watching.stalled, watching.dropped = 0.5, {("traces", "full"): 3, ("traces", "failed"): 1}
    watching.look()
    assert sorted(watching.look(5)) == sorted([MEMORY, DRIFT, DROPPED])
    watching(drift("quiet"))
    watching.stalled = 0.0
    watching.look(61)
    assert watching.look(6) == []


def test_what_is_left_out_on_purpose_is_no_trouble() -> None:
    watching = Watching()
    watching.dropped = {("drift", "sampled"): 5000, ("drift", "large"): 9, ("traces", "rate"): 300}
    assert watching.look() == []
    watching.dropped["traces", "full"] = 1
    assert watching.look() == [DROPPED]


async def test_a_silenced_alert_is_seen_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    watching = Watching()
    made = await watching.objectives.silence({"model": "m"}, 100, "deploying")
    watching(*bad(100))
    with caplog.at_level(logging.WARNING):
        assert watching.look() == []
    assert not caplog.records
    told = watching.objectives.told()
    assert {each["silenced_by"] for each in told["alerts"]} == {made["id"]}
    assert told["silences"] == [made]
    watching(*bad(100))
    assert BURN_FAST in watching.look(101)


async def test_a_silence_that_is_taken_back_silences_nothing() -> None:
    watching = Watching()
    made = await watching.objectives.silence({"model": "m"}, 100, "")
    await watching.objectives.unsilence(made["id"])
    watching(*bad(100))
    assert BURN_FAST in watching.look()
    with pytest.raises(NotFound, match="there is no silence"):
        await watching.objectives.unsilence(made["id"])


def test_alerts_are_lines_of_the_log_where_that_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    for wanted in (True, False):
        watching = Watching(alerts=msgspec.structs.replace(ALERTS, log=wanted))
        watching(worker("failed"))
        with caplog.at_level(logging.WARNING):
            watching.look()
        assert [record.getMessage() for record in caplog.records] == ["alert is firing"] * wanted
        caplog.clear()


def test_what_is_promised_and_left_is_told_of_a_model() -> None:
    watching = Watching()
    watching(*good(995), *bad(5))
    told = watching.objectives.slo("m")
    assert (told["model"], told["period_s"]) == ("m", 86_400.0)
    available, in_time = told["objectives"]
    assert available["objective"] == "availability"
    assert (available["good"], available["bad"], available["ratio"]) == (995, 5, 0.995)
    assert available["budget_remaining"] == pytest.approx(0.5)
    assert list(available["burn_rates"]) == ["6s", "12s", "1m", "2m", "10m"]
    assert (in_time["limit_ms"], in_time["bad"]) == (50.0, 0)
    assert watching.objectives.slos() == [told]


def test_a_model_that_was_never_asked_for_has_no_ratio() -> None:
    (available, _) = Watching().objectives.slo("m")["objectives"]
    assert (available["ratio"], available["budget_remaining"]) == (None, 1.0)


def test_a_model_that_is_not_there_has_no_objectives() -> None:
    with pytest.raises(ModelNotFound):
        Watching().objectives.slo("n")


async def test_budgets_and_silences_outlive_the_server(tmp_path: Path) -> None:
    before = Watching(tmp_path)
    await before.objectives.start()
    before(*good(990), *bad(10))
    await before.objectives.silence({"model": "m"}, 1000, "known")
    await before.objectives.close()
    after = Watching(tmp_path)
    await after.objectives.start()
    after(*good(1))
    (available, _) = after.objectives.slo("m")["objectives"]
    assert (available["good"], available["bad"]) == (991, 10)
    assert [each["reason"] for each in after.objectives.told()["silences"]] == ["known"]
    await after.objectives.close()


async def test_a_database_that_is_damaged_is_said_and_begun_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(b"no database, whatever its name says, and long enough to be one")
    watching = Watching(tmp_path)
    await watching.objectives.start()
    await watching.objectives.close()
    assert "what is left of error budgets begins anew" in caplog.text
    assert (tmp_path / FILE).with_suffix(".aside").exists()


async def test_a_disk_that_cannot_be_written_is_counted_and_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    watching = Watching(tmp_path / "file" / "below")
    watching(*good(5))
    await watching.objectives.silence({"model": "m"}, 100, "")
    assert watching.objectives.dropped() == {"not_kept": 1}
    assert watching.objectives.slo("m")["objectives"][0]["good"] == 5


async def test_a_silence_that_the_next_start_would_not_know_of_is_told_and_kept_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = Watching(tmp_path)
    with monkeypatch.context() as disk:
        disk.setattr(Store, "write", _full)
        with pytest.raises(NotKept, match=r"holds until the server ends, and not after that: database or disk is full"):
            await watching.objectives.silence({"model": "m"}, 100, "known")
    assert len(watching.objectives.told()["silences"]) == 1
    await watching.objectives.start()
    await watching.objectives.close()
    after = Watching(tmp_path)
    await after.objectives.start()
    assert [each["reason"] for each in after.objectives.told()["silences"]] == ["known"]
    await after.objectives.close()


async def test_who_takes_back_a_silence_that_the_next_start_would_still_have_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = Watching(tmp_path)
    await watching.objectives.start()
    made = await watching.objectives.silence({"model": "m"}, 100, "known")
    monkeypatch.setattr(Store, "write", _full)
    with pytest.raises(NotKept, match="is taken back until the server ends, and holds again after that: database or"):
        await watching.objectives.unsilence(made["id"])
    assert watching.objectives.told()["silences"] == []
    await watching.objectives.close()


def _full(store: Store, *what: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_the_page_has_what_the_rules_for_prometheus_ask() -> None:
    watching = Watching()
    watching.stalled = 0.1
    watching(*good(5))
    watching.look()
    page = "\n".join(watching.objectives.lines())
    for name in ("slo_requests_total", "slo_target", "model_failed", "memory_stalled_ratio", "alerts"):
        assert f"headrace_{name}" in page


def test_what_receivers_drop_is_counted_by_receiver_and_reason() -> None:
    watching = Watching()
    (receiver,) = watching.objectives._receivers
    receiver.dropped.update({"full": 2, "failed": 1})
    assert watching.objectives.dropped() == {"test_full": 2, "test_failed": 1}


def test_what_is_told_of_an_alert_can_be_written_as_json() -> None:
    watching = Watching()
    watching(worker("failed"))
    watching.look()
    told = msgspec.json.decode(msgspec.json.encode(watching.objectives.told()))
    (alert,) = told["alerts"]
    assert (alert["alert"], alert["state"], alert["labels"]) == (CRASH_LOOP, "firing", {"model": "m", "version": "1"})
    assert told["receivers"] == [{"name": "test", "sent": 0, "dropped": 0, "fault": None}]


async def test_every_rule_fires_and_recovers_at_somebody_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"state": 0.5}
    monkeypatch.setattr(module, "disks", lambda places: free)
    settings = msgspec.structs.replace(ALERTS, every_s=0.002, group_wait_s=0.0, group_interval_s=0.0, repeat_s=1e6)
    with hook() as made:
        receivers_ = receivers(msgspec.structs.replace(settings, webhook=made.url), "here", {})
        watching = Watching(alerts=settings, told_by=receivers_)
        every = {rule.name for rule in rules(Watched(SLO, settings, 40.0))} - {ABSENT}
        await watching.objectives.start()
        watching(*bad(100), *[worker("died")] * 3, drift("alarm"))
        watching.state(state="UNAVAILABLE", reason="FAILED: it died")
        watching.stalled, watching.dropped, free["state"] = 0.5, {("traces", "full"): 3}, 0.01
        await watching.until(lambda: _posted(made) == dict.fromkeys(every, "firing"))
        watching(*good(100_000), drift("quiet"))
        watching.state(state="READY", reason="")
        watching.stalled, free["state"] = 0.0, 0.5
        await watching.until(lambda: _posted(made) == dict.fromkeys(every, "resolved"))
        await watching.objectives.close()


def _posted(made: Hook) -> dict[str, str]:
    """The state in which each alert was posted last."""
    notices = [json.loads(body) for _, _, body in list(made.got)]
    return {alert["alert"]: alert["state"] for notice in notices for alert in notice["alerts"]}
