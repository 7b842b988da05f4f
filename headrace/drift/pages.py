"""Drift as Prometheus reads it: lines are made when a window is full, and only joined when a page is."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from headrace.drift.service import FEATURES, SERVICE, Service
from headrace.drift.side import Side
from headrace.drift.version_drift import SIDES, VersionDrift
from headrace.observe.exposition import Family, labels, number

SCORE = Family(
    "headrace_drift_score", "gauge", "A test's statistic over its threshold: above 1 the last window crossed."
)
ALARM = Family(
    "headrace_drift_alarm", "gauge", "1 while a feature is in alarm: from a window that crosses until two do not."
)
ROWS = Family("headrace_drift_rows_total", "counter", "Rows that were looked at.")


class _Page(msgspec.Struct):
    """Of one version: what it was made of, and its lines."""

    windows: tuple[int, ...]
    scores: list[str]
    alarms: list[str]


class Pages:
    """Keeps each version's lines until one of its windows has passed."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], _Page] = {}

    def lines(
        self, versions: Mapping[tuple[str, int], VersionDrift], services: Mapping[tuple[str, int], Service]
    ) -> Iterator[str]:
        """All families, of versions by model and number."""
        self._kept = {key: self._page(key, drift) for key, drift in versions.items()}
        pages, served = self._kept.values(), services.items()
        scores = [list(_service_scores(key, service)) for key, service in served]
        alarms = [_alarm(key, SERVICE, name, name in service.alarms) for key, service in served for name in FEATURES]
        yield from _whole(SCORE, [*(page.scores for page in pages), *scores])
        yield from _whole(ALARM, [*(page.alarms for page in pages), alarms])
        if versions:
            yield from ROWS.lines((_labels(key), drift.rows) for key, drift in versions.items())

    def _page(self, key: tuple[str, int], drift: VersionDrift) -> _Page:
        windows = tuple(drift.sides[side].windows for side in SIDES)
        kept = self._kept.get(key)
        if kept is not None and kept.windows == windows:
            return kept
        scores = [line for side in SIDES for line in _scores(key, side, drift.sides[side])]
        alarms = [line for side in SIDES for line in _alarms(key, side, drift.sides[side])]
        return _Page(windows, scores, alarms)


def _whole(family: Family, blocks: Iterable[list[str]]) -> Iterator[str]:
    lines = [line for block in blocks for line in block]
    if lines:
        yield family.head
        yield from lines


def _scores(key: tuple[str, int], name: str, side: Side) -> Iterator[str]:
    """Where a test is made against two references, of the one that is farther off."""
    ratios: dict[tuple[str, str], float] = {}
    for (_, feature, test), score in side.scores.items():
        ratios[feature, test] = max(ratios.get((feature, test), 0.0), float(score.ratio))
    for (feature, test), ratio in ratios.items():
        yield _score(key, name, feature, test, ratio)


def _alarms(key: tuple[str, int], name: str, side: Side) -> Iterator[str]:
    for feature in side.features:
        yield _alarm(key, name, feature, feature in side.alarms)


def _service_scores(key: tuple[str, int], service: Service) -> Iterator[str]:
    for score in service.scores:
        yield _score(key, SERVICE, score.feature, score.test, score.ratio)


# An input and an output may have one name, and either be called latency: the side tells their features apart.
def _score(key: tuple[str, int], side: str, feature: str, test: str, ratio: float) -> str:
    return f"{SCORE.name}{_labels(key, side=side, feature=feature, test=test)} {number(round(ratio, 4))}"


def _alarm(key: tuple[str, int], side: str, feature: str, on: bool) -> str:
    return f"{ALARM.name}{_labels(key, side=side, feature=feature)} {int(on)}"


def _labels(key: tuple[str, int], **more: str) -> str:
    return labels({"model": key[0], "version": str(key[1]), **more})
