"""What was counted and read is held against the rules: each condition has its own alert."""

from typing import Any

import pytest

from headrace.alert_settings import Alerts, Slo
from headrace.objectives.conditions import Seen, conditions
from headrace.objectives.counts import Series
from headrace.objectives.promises import Promise
from headrace.objectives.rules import (
    BURN_FAST,
    BURN_MEDIUM,
    BURN_SLOW,
    CRASH_LOOP,
    DISK,
    DRIFT,
    DROPPED,
    MEMORY,
    MODEL_FAILED,
    Watched,
)
from headrace.types import ModelVersion

WATCHED = Watched(Slo(), Alerts(), pressure=40.0)
ONE = ModelVersion("m", 1)
NOW = 1_700_000_000.0
HOUR = 3600.0


def found(**seen: Any) -> list[tuple[str, dict[str, str]]]:
    return [(each.key.alert, dict(each.key.labels)) for each in conditions(Seen(**seen), WATCHED)]


def series(
    bad_share: float, lasts_s: float, ago_s: float = 0.0, requests: int = 100_000, current: bool = True
) -> Series:
    """A month of requests at an even pace, of which that share failed for a while."""
    made = Series(Promise("availability", 0.999), WATCHED.spans_s(), current)
    step_s = 60.0
    for step in range(int(30 * 24 * HOUR // step_s), -1, -1):
        before_s = step * step_s
        fails = ago_s <= before_s < ago_s + lasts_s
        each = max(1, int(requests * step_s / (30 * 24 * HOUR)))
        made.bad += round(each * bad_share) if fails else 0
        made.good += each
        made.settle(NOW - before_s)
    return made


@pytest.mark.parametrize(
    ("bad_share", "lasts_s", "ago_s", "alerts"),
    [
        (0.0, 0.0, 0.0, set()),
        (0.5, HOUR, 0.0, {BURN_FAST, BURN_MEDIUM, BURN_SLOW}),
        (0.5, HOUR, 900.0, {BURN_MEDIUM, BURN_SLOW}),  # over for a quarter of an hour
        (0.5, HOUR, 2 * HOUR, {BURN_SLOW}),
        (0.5, HOUR, 8 * HOUR, set()),
        (0.5, 60.0, 0.0, set()),  # a minute wakes nobody
        (0.011, 7 * HOUR, 0.0, {BURN_MEDIUM, BURN_SLOW}),
        (0.003, 3 * 24 * HOUR, 0.0, {BURN_SLOW}),
    ],
)
def test_a_budget_burns_by_the_rules_whose_windows_both_do(
    bad_share: float, lasts_s: float, ago_s: float, alerts: set[str]
) -> None:
    counted = series(bad_share, lasts_s, ago_s, requests=50_000_000)
    labels = {"model": "m", "objective": "availability"}
    told = found(series={("m", "availability"): counted})
    assert {alert for alert, _ in told} == alerts
    assert all(each == labels for _, each in told)


def test_how_fast_it_burns_is_told_in_digits() -> None:
    made = Series(Promise("availability", 0.999), WATCHED.spans_s())
    made.bad = 100
    made.settle(NOW)
    fastest = conditions(Seen(series={("m", "availability"): made}), WATCHED)[0]
    told = "m misses availability 1,000 times as often as its budget allows, over 1h and over 5m"
    assert fastest.summary == told


def test_what_is_not_promised_any_more_does_not_burn() -> None:
    assert not found(series={("m", "availability"): series(1.0, HOUR, current=False)})


def test_two_failures_are_too_few_to_tell_anybody() -> None:
    made = Series(Promise("availability", 0.999), WATCHED.spans_s())
    made.bad = 2
    made.settle(NOW)
    assert not found(series={("m", "availability"): made})


@pytest.mark.parametrize(
    ("seen", "alert", "labels"),
    [
        ({"failed": {ONE: "FAILED"}}, MODEL_FAILED, {"model": "m", "version": "1"}),
        ({"crashes": {ONE: 3}}, CRASH_LOOP, {"model": "m", "version": "1"}),
        ({"gave_up": frozenset({ONE})}, CRASH_LOOP, {"model": "m", "version": "1"}),
        ({"stalled": 0.41}, MEMORY, {}),
        ({"disks": {"state": 0.04, "cache": 0.5}}, DISK, {"place": "state"}),
        ({"dropped": {"traces": 1, "logs": 0}}, DROPPED, {"part": "traces"}),
        (
            {"drifted": [(ONE, "outputs", "X[2]", 0.4)]},
            DRIFT,
            {"model": "m", "version": "1", "side": "outputs", "feature": "X[2]"},
        ),
    ],
)
def test_each_thing_that_is_wrong_has_its_alert(seen: dict[str, Any], alert: str, labels: dict[str, str]) -> None:
    assert found(**seen) == [(alert, labels)]


@pytest.mark.parametrize(
    "seen", [{}, {"crashes": {ONE: 2}}, {"stalled": 0.4}, {"stalled": None}, {"disks": {"state": 0.05}}]
)
def test_what_is_within_bounds_is_no_condition(seen: dict[str, Any]) -> None:
    assert found(**seen) == []


def test_one_that_crashes_and_gave_up_is_told_once() -> None:
    assert len(found(crashes={ONE: 9}, gave_up=frozenset({ONE}))) == 1
