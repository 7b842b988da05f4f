"""What is for and against each cause."""

from typing import Any

import msgspec

from headrace.changes.account import Account, Signal
from headrace.changes.cause import causes
from headrace.changes.entries import Entry
from headrace.changes.moment import Moment, Neighbour
from headrace.changes.slots import Machine, no_slots

STILL = Moment(1.0, [], 0.0, None, 1.0, 1.0, False, [], {}, 2, [], 0.0, 0.0, {})


def signal(kind: Any = "latency", ratio: float = 2.0) -> Signal:
    return Signal(kind, 1000.0, 999.0, ratio, 9.0, "it rose", 900.0, 1100.0)


def entry(kind: str, at: float = 998.0, model: str = "m", version: str = "2") -> Entry:
    return Entry(1, kind, model, version, at, "files", f"{kind} of {model}")


def kinds(*entries: Entry, what: Signal | None = None, inputs: Signal | None = None, **moved: Any) -> list[str]:
    account = Account("m", 0, 2000, no_slots(), {}, no_slots(), entries)
    found = causes(account, what or signal(), msgspec.structs.replace(STILL, **moved), inputs)
    assert all(0 <= each.score <= 1 for each in found)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    return [each.kind for each in found]


def test_what_came_just_before_is_the_cause_and_what_came_long_before_is_not() -> None:
    assert kinds(entry("release")) == ["release"]
    assert kinds(entry("label")) == ["release"]
    assert kinds(entry("config", model="")) == ["config"]
    assert kinds(entry("release", at=960.0)) == ["unknown"]
    assert kinds(entry("release", at=1010.0)) == ["unknown"]
    assert kinds(entry("release", model="n")) == ["unknown"]
    assert kinds(entry("load")) == ["unknown"]


def test_where_every_model_suffers_it_is_the_machine_and_not_the_release() -> None:
    moved: dict[str, Any] = {"shifted": ["n", "o"], "machine": {Machine.OTHERS: (0.1, 1.5)}}
    assert kinds(entry("release"), **moved)[0] == "system"
    assert kinds(shifted=["n", "o"]) == ["system"]


def test_another_model_that_takes_more_is_a_neighbour() -> None:
    noisy = Neighbour("n", 0.2, 0.9, 3.0, "3x the requests")
    assert kinds(neighbours=[noisy], queue=2.0, shifted=["o"]) == ["neighbour"]


def test_who_takes_cores_takes_them_from_others_too() -> None:
    noisy = Neighbour("n", 0.2, 0.9, 3.0, "3x the requests")
    rows = ["rows of a request went from 1 to 8"]
    assert kinds(neighbours=[noisy], compute=2.0, queue=2.0, traffic=rows, mix=5.0) == ["traffic"]
    assert kinds(neighbours=[noisy], compute=2.0, queue=2.0, shifted=["n", "o"]) == ["neighbour"]


def test_two_causes_at_one_moment_are_both_told() -> None:
    noisy = Neighbour("n", 0.2, 0.9, 3.0, "3x the requests")
    assert set(kinds(entry("release"), neighbours=[noisy], queue=2.0)) == {"release", "neighbour"}


def test_requests_that_are_larger_are_traffic_unless_those_of_one_size_are_slower_too() -> None:
    rows = ["rows of a request went from 1 to 8"]
    assert kinds(traffic=rows, mix=5.0, same_rows=1.0) == ["traffic"]
    assert kinds(entry("release"), traffic=rows, mix=2.0, same_rows=2.0)[0] == "release"


def test_more_requests_are_traffic_only_where_they_have_to_wait_for_long() -> None:
    assert kinds(rate=3.0, queue=1.5) == ["unknown"]
    assert kinds(rate=5.0, queue=6.0, what=signal(ratio=5.0)) == ["traffic"]


def test_new_errors_of_clients_are_a_schema_and_after_a_release_the_release() -> None:
    errors = signal("errors", 20.0)
    assert kinds(what=errors, client_errors=1.0) == ["schema"]
    assert kinds(entry("release"), what=errors, client_errors=1.0)[0] == "release"


def test_outputs_that_drift_with_the_inputs_are_the_inputs_and_without_them_the_release() -> None:
    inputs = signal("inputs")
    assert kinds(what=inputs, inputs=None) == ["inputs"]
    assert kinds(what=signal("outputs"), inputs=inputs) == ["inputs"]
    assert kinds(entry("release"), what=signal("outputs")) == ["release"]
    assert kinds(entry("release"), what=inputs) == ["inputs"]


def test_a_notice_is_a_cause_within_two_minutes_before_others() -> None:
    assert kinds(entry("upstream", at=900.0, model="")) == ["upstream"]
    assert kinds(entry("upstream", at=1050.0)) == ["upstream"]
    assert kinds(entry("upstream", at=800.0)) == ["unknown"]
    assert kinds(entry("upstream"), what=signal("inputs"))[0] == "upstream"


def test_a_version_that_is_no_slower_than_the_one_beside_it_is_not_the_cause() -> None:
    assert kinds(entry("rollout"), versions_apart={2: 2.0, 1: 0.5}) == ["release"]
    assert kinds(entry("rollout"), versions_apart={2: 1.0, 1: 1.0}, shifted=["n", "o"])[0] == "system"
