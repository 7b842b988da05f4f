"""The answer to what changed."""

import json

import msgspec

from headrace.changes.why import shown, why
from tests.changes.world import Load, World


def world() -> World:
    made = World(5, {"m": Load(), "n": Load()})
    made.run(40)
    return made


def test_a_finding_is_told_as_the_api_promises() -> None:
    made = world()
    made.ready("m", 2)
    made.models["m"].compute_ms *= 3
    made.run(30)
    (finding,) = json.loads(msgspec.json.encode(shown(why(made.changes.account("m", 3600)))))["findings"]
    assert set(finding) == {"signal", "at", "ratio", "cause", "score", "evidence"}
    assert (finding["signal"], finding["cause"]["kind"]) == ("latency", "release")
    assert finding["at"].endswith("Z")
    event = finding["cause"]["event"]
    assert (event["kind"], event["model"], event["version"], event["actor"]) == ("release", "m", "2", "files")
    assert event["id"] > 0
    assert 0.5 < finding["score"] <= 1
    assert finding["evidence"][0].startswith("p50 went from")


def test_none_found_is_an_empty_list() -> None:
    assert shown(why(world().changes.account("m", 3600))) == {"findings": []}


def test_what_has_no_cause_is_told_as_unknown_without_an_event() -> None:
    made = world()
    made.models["m"].compute_ms *= 3
    made.run(30)
    (finding,) = shown(why(made.changes.account("m", 3600)))["findings"]
    assert finding["cause"] == {"kind": "unknown", "event": {}}


def test_only_what_is_looked_back_on_is_told() -> None:
    made = world()
    made.models["m"].compute_ms *= 3
    made.run(100)
    assert shown(why(made.changes.account("m", 60))) == {"findings": []}


def test_inputs_that_drift_beside_slower_answers_are_their_cause() -> None:
    made = world()
    made.models["m"].compute_ms *= 2
    made.run(15)
    made.drift("m", "inputs", ["X[0]"], 15)
    made.run(20)
    kinds = [(finding.signal.kind, finding.cause.kind) for finding in why(made.changes.account("m", 3600))]
    assert sorted(kinds) == [("inputs", "inputs"), ("latency", "inputs")]
