"""Which versions are meant to answer, and which of those cannot any more: told by their events."""

from collections.abc import Iterable

from headrace.records import ModelEvent
from headrace.types import ModelVersion, VersionStatus

AS_WANTED = ("unloaded", "not loaded", "a request unloaded it")
"""Beginnings of reasons for which a version does not answer that are no fault."""


def is_failed(status: VersionStatus) -> bool:
    """Whether it does not answer, and nobody wanted that."""
    return status.state == "UNAVAILABLE" and not status.reason.startswith(AS_WANTED)


class States:
    """Owns what is remembered of versions; those that the repository has, and no others."""

    def __init__(self) -> None:
        self._meant: dict[str, set[int | None]] = {}  # that are loading, ready, or failed
        self._were_ready: set[ModelVersion] = set()

    def happened(self, event: ModelEvent) -> None:
        on_purpose = event.state == "UNAVAILABLE" and event.reason.startswith(AS_WANTED)
        meant = self._meant.setdefault(event.model, set())
        if on_purpose:
            meant.discard(event.version)
            if event.version is not None and not event.reason.startswith("unloaded: "):  # one that sleeps was ready
                self._were_ready.discard(ModelVersion(event.model, event.version))
        else:
            meant.add(event.version)
            if event.state == "READY" and event.version is not None:
                self._were_ready.add(ModelVersion(event.model, event.version))
        if not meant:
            del self._meant[event.model]

    def is_meant(self, model: str) -> bool:
        """Whether the model has a version that is there, or should be."""
        return model in self._meant

    def meant(self, model: str) -> list[int]:
        """The versions of a model that are there, or should be."""
        return sorted(version for version in self._meant.get(model, ()) if version is not None)

    def failed(self, index: Iterable[VersionStatus]) -> dict[ModelVersion, str]:
        """Versions that answered and cannot any more, with the reason; `index` is what the repository has now."""
        told = list(index)
        now = {ModelVersion(each.name, each.version): each for each in told if each.version is not None}
        self._were_ready.intersection_update(now)
        for name in set(self._meant).difference(each.name for each in told):
            del self._meant[name]
        return {
            version: now[version].reason
            for version in sorted(self._were_ready, key=lambda each: (each.name, each.version))
            if is_failed(now[version])
        }

    def were_ready(self) -> list[ModelVersion]:
        """Versions that answered since the server started, and were not unloaded since."""
        return sorted(self._were_ready, key=lambda each: (each.name, each.version))
