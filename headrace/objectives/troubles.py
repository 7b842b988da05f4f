"""What happens to workers and versions that is worth an alert: a listener of the bus that keeps the last of it."""

from collections.abc import Callable, Mapping, Sequence

from headrace.objectives.lately import Lately
from headrace.records import ModelEvent, Record, WorkerEvent
from headrace.types import ModelVersion


class Troubles:
    """Owns which workers died lately, and which versions have one that is not started any more."""

    def __init__(self, window_s: float, now_s: Callable[[], float]) -> None:
        self.gave_up: set[ModelVersion] = set()
        self._died: Lately[ModelVersion] = Lately(window_s)
        self._now_s = now_s

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if type(record) is WorkerEvent:
                self._worker(record)
            elif type(record) is ModelEvent and record.version is not None and record.state == "UNLOADING":
                version = ModelVersion(record.model, record.version)
                self.gave_up.discard(version)
                self._died.forget(version)

    def crashes(self) -> Mapping[ModelVersion, int]:
        """How many workers of each version died lately."""
        return self._died.counts(self._now_s())

    def _worker(self, event: WorkerEvent) -> None:
        if event.what in ("died", "hung"):
            self._died.add(event.model, self._now_s())
        elif event.what == "failed":
            self.gave_up.add(event.model)
        elif event.what == "started":
            self.gave_up.discard(event.model)
