"""What is wrong now, by the rules: from what was counted and read to conditions with names. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from headrace.numerals import numeral
from headrace.objectives.budget import burn_rate, burns
from headrace.objectives.counts import Series
from headrace.objectives.rules import CRASH_LOOP, DISK, DRIFT, DROPPED, MEMORY, MODEL_FAILED, Watched, duration
from headrace.types import ModelVersion

Labels = tuple[tuple[str, str], ...]
"""Names and values in order, so that they can be compared."""


class Key(NamedTuple):
    """Which alert it is: one condition has one at a time."""

    alert: str
    labels: Labels


class Condition(NamedTuple):
    """Something that is wrong: which alert that is, in words, and the number that says so."""

    key: Key
    summary: str
    value: float


class Seen(msgspec.Struct, frozen=True):
    """What was read of the server at one moment."""

    series: Mapping[tuple[str, str], Series] = {}
    failed: Mapping[ModelVersion, str] = {}  # versions that cannot answer any more, and why
    crashes: Mapping[ModelVersion, int] = {}  # workers that died lately
    gave_up: frozenset[ModelVersion] = frozenset()  # versions of which a worker is not started any more, for a while
    stalled: float | None = None  # share of time that programs wait for memory; None where nobody can say
    disks: Mapping[str, float] = {}  # share that is free, by what is written there
    dropped: Mapping[str, int] = {}  # telemetry that was left out lately, by part
    drifted: Iterable[tuple[ModelVersion, str, str, float]] = ()  # versions, sides, features and by how much


def conditions(seen: Seen, watched: Watched) -> list[Condition]:
    """Everything that is wrong now."""
    return [*_burning(seen, watched), *_of_models(seen, watched), *_of_the_machine(seen, watched)]


def _burning(seen: Seen, watched: Watched) -> Iterator[Condition]:
    rules = watched.burns()
    for (model, objective), series in seen.series.items():
        target = series.promise.target
        if not series.current or not target:
            continue
        for alert, burn in rules.items():
            long, short = series.windows[burn.long_s], series.windows[burn.short_s]
            if burns(burn, long, short, target, watched.slo.least_failures):
                rate = burn_rate(long.good, long.bad, target)
                yield Condition(
                    _key(alert, model=model, objective=objective),
                    f"{model} misses {objective} {numeral(rate)} times as often as its budget allows,"
                    f" over {duration(burn.long_s)} and over {duration(burn.short_s)}",
                    rate,
                )


def _of_models(seen: Seen, watched: Watched) -> Iterator[Condition]:
    for version, reason in seen.failed.items():
        summary = f"{version.name} version {version.version} answered and cannot any more: {reason}"
        yield Condition(_of_version(MODEL_FAILED, version), summary, 1.0)
    for version in sorted({*seen.crashes, *seen.gave_up}, key=lambda each: (each.name, each.version)):
        crashes = seen.crashes.get(version, 0)
        if crashes >= watched.alerts.crashes or version in seen.gave_up:
            summary = f"workers of {version.name} version {version.version} die again and again"
            yield Condition(_of_version(CRASH_LOOP, version), summary, float(crashes))
    for version, side, feature, score in seen.drifted:
        key = Key(DRIFT, (*_of_version(DRIFT, version).labels, ("side", side), ("feature", feature)))
        what = f"{feature} ({side}) of {version.name} version {version.version}"
        yield Condition(key, f"{what} has drifted from its reference", score)


def _of_the_machine(seen: Seen, watched: Watched) -> Iterator[Condition]:
    if seen.stalled is not None and seen.stalled > watched.pressure / 100:
        yield Condition(
            Key(MEMORY, ()), f"programs stand still for want of memory {seen.stalled:.0%} of the time", seen.stalled
        )
    for place, free in seen.disks.items():
        if free < watched.alerts.disk_free:
            yield Condition(_key(DISK, place=place), f"the disk of {place} has {free:.1%} left", free)
    for part, count in seen.dropped.items():
        if count:
            yield Condition(_key(DROPPED, part=part), f"{part} left something out, {count} times", float(count))


def _key(alert: str, **labels: str) -> Key:
    return Key(alert, tuple(labels.items()))


def _of_version(alert: str, version: ModelVersion) -> Key:
    return _key(alert, model=version.name, version=str(version.version))
