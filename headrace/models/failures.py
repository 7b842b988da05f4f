"""Versions whose workers all die again and again are told as failed, and as ready once one is back.

Those that have none for a moment stay ready, with a reason.
"""

from collections.abc import Callable, Sequence

from headrace.models.lifecycle import FAILED, States, has_failed
from headrace.models.registry import Registry, Served
from headrace.models.sleeping import Sleeper
from headrace.records import Record, WorkerEvent
from headrace.types import ModelVersion

ANOTHER = "another is being started"


class Failures:
    """A listener of the bus that remembers the processes of each version; one that ends well is told by nobody."""

    def __init__(self, registry: Registry, states: States, lives: Callable[[int], bool]) -> None:
        """`lives` says of a process whether it does."""
        self._registry = registry
        self._states = states
        self._lives = lives
        self._pids: dict[ModelVersion, set[int]] = {}
        self._reasons: dict[ModelVersion, str] = {}  # that stood before a version lost its last process

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, WorkerEvent):
                self._happened(record)

    def _happened(self, event: WorkerEvent) -> None:
        version = event.model
        pids = self._pids[version] = {pid for pid in self._pids.get(version, ()) if self._lives(pid)} - {event.pid}
        if event.what == "started":
            pids.add(event.pid)
            self._recovered(version)
        elif event.what == "failed" and not pids:
            self._failed(version, event.reason)
        elif not pids:
            self._lost(version, event.reason)
        if not pids and self._loaded(version) is None:
            del self._pids[version]
            self._reasons.pop(version, None)

    def _failed(self, version: ModelVersion, why: str) -> None:
        before, reason = self._states.get(version.name, version.version), f"{FAILED}: {why}"
        if self._loaded(version) and before and before.reason != reason:
            cause = "its workers die again and again"
            self._states.put(version.name, version.version, "UNAVAILABLE", reason, cause=cause, goes_on=True)
            self._registry.failed(version, True)

    def _lost(self, version: ModelVersion, why: str) -> None:
        before = self._states.get(version.name, version.version)
        if self._loaded(version) and before and before.state == "READY":
            if not before.reason.endswith(ANOTHER):
                self._reasons[version] = before.reason
            self._states.note(version.name, version.version, f"its worker {why}; {ANOTHER}")

    def _recovered(self, version: ModelVersion) -> None:
        before, served = self._states.get(version.name, version.version), self._loaded(version)
        reason = self._reasons.pop(version, "")
        if served and before and has_failed(before):
            told, cause = "; ".join(served.signature.warnings), "its worker is back"
            self._states.put(version.name, version.version, "READY", told, cause=cause, goes_on=True)
            self._registry.failed(version, False)
        elif before and before.reason.endswith(ANOTHER):
            self._states.note(version.name, version.version, reason)

    def _loaded(self, version: ModelVersion) -> Served | None:
        served = self._registry.find(version.name, version.version)
        return None if served is None or isinstance(served.servable, Sleeper) else served
