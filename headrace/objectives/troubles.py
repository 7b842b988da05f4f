"""What happens to workers and to what versions are asked that is worth an alert: the last of it is kept."""

from collections.abc import Callable, Mapping, Sequence

from headrace.objectives.lately import Lately
from headrace.records import DriftEvent, ModelEvent, Record, WorkerEvent
from headrace.types import ModelVersion


class Troubles:
    """A listener of the bus. Owns which workers died lately, which versions have one that is not started any more, and
    what has drifted."""

    def __init__(self, window_s: float, now_s: Callable[[], float]) -> None:
        self.gave_up: set[ModelVersion] = set()
        self._drifted: dict[tuple[ModelVersion, str, str, str], float] = {}  # version, side, feature, against what
        self._died: Lately[ModelVersion] = Lately(window_s)
        self._now_s = now_s

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if type(record) is WorkerEvent:
                self._worker(record)
            elif type(record) is DriftEvent:
                self._drift(record)
            elif type(record) is ModelEvent and record.version is not None and record.state == "UNLOADING":
                version = ModelVersion(record.model, record.version)
                self.gave_up.discard(version)
                self._died.forget(version)
                self._drifted = {key: ratio for key, ratio in self._drifted.items() if key[0] != version}

    def crashes(self) -> Mapping[ModelVersion, int]:
        """How many workers of each version died lately."""
        return self._died.counts(self._now_s())

    def drifted(self) -> list[tuple[ModelVersion, str, str, float]]:
        """Versions, sides, features that have drifted, and how many times beyond their threshold."""
        return [(version, side, feature, ratio) for (version, side, feature, _), ratio in self._drifted.items()]

    def _drift(self, event: DriftEvent) -> None:
        key = event.model, event.side, event.feature, event.against
        if event.state == "alarm":
            self._drifted[key] = event.ratio
        else:
            self._drifted.pop(key, None)

    def _worker(self, event: WorkerEvent) -> None:
        if event.what in ("died", "hung"):
            self._died.add(event.model, self._now_s())
        elif event.what == "failed":
            self.gave_up.add(event.model)
        elif event.what == "started":
            self.gave_up.discard(event.model)
