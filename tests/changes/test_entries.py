"""Lines of the change log, as records make them."""

import pytest

from headrace.changes.entries import MAX_TEXT, of_model, of_traffic
from headrace.clock import rfc3339
from headrace.records import ModelEvent, TrafficEvent


def ready(version: int = 2, cause: str = "its files changed", seconds: float = 0.5) -> ModelEvent:
    return ModelEvent("m", version, "READY", "", 100.0, seconds, cause)


@pytest.mark.parametrize(
    ("cause", "before", "kind"),
    [
        ("wanted at the start", None, "load"),
        ("wanted at the start", 1, "load"),
        ("its files changed", 1, "release"),
        ("rolled back to", 3, "release"),
        ("its files changed", 2, "release"),
        ("asked for", 2, "release"),
        ("a request asked for it", 2, "load"),
        ("memory is over its budget", 2, "load"),
    ],
)
def test_a_release_brings_what_was_not_there(cause: str, before: int | None, kind: str) -> None:
    entry = of_model(ready(cause=cause), before)
    assert entry is not None
    assert (entry.kind, entry.version, entry.began) == (kind, "2", 99.5)
    assert (entry.means == "release") == (kind == "release")


def test_who_did_it_is_told() -> None:
    actors = {cause: of_model(ready(cause=cause), 1) for cause in ("its files changed", "asked for", "else")}
    assert [entry.actor for entry in actors.values() if entry] == ["files", "a request", "the server"]


def test_what_fails_and_what_is_unloaded_is_told_and_what_sleeps_is_not() -> None:
    failed = of_model(ModelEvent("m", 2, "UNAVAILABLE", "no such operator", 1.0), 1)
    kept = of_model(ModelEvent("m", 1, "READY", "no such operator; the version loaded before goes on", 1.0), 1)
    gone = of_model(ModelEvent("m", 1, "UNAVAILABLE", "unloaded", 1.0), 1)
    assert failed is not None
    assert kept is not None
    assert gone is not None
    assert (failed.kind, kept.kind, gone.kind) == ("failed", "failed", "unload")
    assert of_model(ModelEvent("m", 1, "UNAVAILABLE", "unloaded: loads on request", 1.0), 1) is None
    assert of_model(ModelEvent("m", 1, "LOADING", "", 1.0), None) is None
    assert of_model(ModelEvent("m", 1, "READY", "", 1.0, 0.5, "its variants have joined", goes_on=True), 1) is None


def test_a_version_whose_files_went_and_that_serves_on_has_not_failed() -> None:
    event = ModelEvent(
        "m", 1, "READY", "its files are gone; a split keeps it", 1.0, cause="its files are gone", goes_on=True
    )
    entry = of_model(event, None)
    assert entry is not None
    assert (entry.kind, entry.means, entry.actor) == ("files", "", "files")
    assert entry.text == "version 1 serves on (its files are gone)"


def test_a_step_of_a_rollout_is_the_servers_and_its_start_a_requests() -> None:
    entries = [of_traffic(TrafficEvent("m", 2, "rollout", state, "1 -> 2", 5.0)) for state in ("started", "step")]
    assert [entry.actor for entry in entries] == ["a request", "the server"]
    assert {entry.means for entry in entries} == {"release"}


def test_reasons_of_any_length_are_cut() -> None:
    entry = of_traffic(TrafficEvent("m", 2, "split", "set", "x" * 10_000, 5.0))
    assert len(entry.text) == MAX_TEXT


def test_a_line_is_shown_with_its_moment_in_utc() -> None:
    assert rfc3339(1_772_366_600.25) == "2026-03-01T12:03:20.250Z"
    entry = of_model(ready(), 1)
    assert entry is not None
    assert entry.shown()["at"] == "1970-01-01T00:01:40.000Z"
