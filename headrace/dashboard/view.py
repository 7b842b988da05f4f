"""What the page asks of a running server, answered from its history and from what it is about now."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from headrace.dashboard.lines import lines
from headrace.dashboard.overview import Row, overview
from headrace.errors import ModelNotFound
from headrace.history.history import History
from headrace.history.levels import RAW, step_of
from headrace.types import Backlog, ModelVersion, VersionStatus


class Live(msgspec.Struct, frozen=True):
    """What is asked of the server whenever somebody looks."""

    index: Callable[[], Iterable[VersionStatus]]
    backlogs: Callable[[], Iterable[tuple[ModelVersion, Backlog]]]
    memory: Callable[[], Mapping[str, Any]]
    shares: Callable[[], Iterable[tuple[ModelVersion, float]]]
    labels: Callable[[str], Mapping[str, int]]  # of a model: where each leads
    in_flight: Callable[[], int]


class View:
    """Answers for the page. `now_s` is Unix time."""

    def __init__(self, history: History, live: Live, now_s: Callable[[], float], name: str, version: str) -> None:
        """`name` and `version` are the server's."""
        self._history = history
        self._live = live
        self._now_s = now_s
        self._about = {"name": name, "version": version}
        self._started = time.monotonic()

    def rows(self) -> list[Row]:
        """Every version of the index."""
        index = list(self._live.index())
        return overview(
            index,
            self._history.latest,
            RAW.step_s,
            dict(self._live.backlogs()),
            memory_of(self._live.memory()),
            dict(self._live.shares()),
            self._labels({status.name for status in index}),
        )

    def facts(self) -> dict[str, Any]:
        """Of the server as a whole."""
        memory = self._live.memory()
        return {
            **self._about,
            "now": self._now_s(),
            "uptime_s": round(time.monotonic() - self._started, 1),
            "in_flight": self._live.in_flight(),
            "memory_bytes": memory.get("measured_bytes"),
            "budget_bytes": memory.get("budget_bytes"),
        }

    async def lines(self, name: str, version: int | None, since_s: float, steps: int) -> dict[str, Any]:
        """As `DashboardRoutes.history` tells it, also of a model that has gone. Raises ModelNotFound for others."""
        now_s = self._now_s()
        level, rows = await self._history.read(name, version, now_s - since_s, now_s, steps)
        if not rows and not any(status.name == name for status in self._live.index()):
            raise ModelNotFound(f"model {name[:100]!r} is not in the repository")
        return lines(level, step_of(now_s - since_s, level), step_of(now_s, level), rows)

    def _labels(self, names: set[str]) -> dict[ModelVersion, tuple[str, ...]]:
        found: dict[ModelVersion, tuple[str, ...]] = {}
        for name in names:
            for label, version in self._live.labels(name).items():
                of = ModelVersion(name, version)
                found[of] = (*found.get(of, ()), label)
        return found


def memory_of(report: Mapping[str, Any]) -> dict[ModelVersion, int]:
    """What each version takes, by the memory report."""
    return {
        ModelVersion(each["name"], int(each["version"])): each["measured_bytes"]
        for each in report.get("models", ())
        if each["measured_bytes"]
    }
