"""What happened to each model, and why: the latest events, for whoever asks."""

from collections import OrderedDict, deque
from collections.abc import Sequence

import msgspec

from headrace.records import ModelEvent, Record, TrafficEvent, WorkerEvent

KEPT = 200
"""Events of one model."""

MODELS = 10_000
"""That are remembered; what nothing happened to for longest is forgotten first."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: what it was about, what happened, and why."""

    time: float  # Unix time
    what: str  # version, worker, split, shadow, rollout
    state: str
    version: str = ""
    reason: str = ""
    cause: str = ""
    seconds: float = 0.0  # that it took


class Events:
    """A listener of the bus that keeps events."""

    def __init__(self, kept: int = KEPT, models: int = MODELS) -> None:
        self._kept = kept
        self._models = models
        self._events: OrderedDict[str, deque[Event]] = OrderedDict()

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, ModelEvent):
                self._keep(record.model, of_model(record))
            elif isinstance(record, WorkerEvent):
                self._keep(record.model.name, of_worker(record))
            elif isinstance(record, TrafficEvent):
                self._keep(record.model, of_traffic(record))

    def of(self, name: str) -> list[Event]:
        """A model's events, newest first."""
        return list(reversed(self._events.get(name, ())))

    def _keep(self, name: str, event: Event) -> None:
        events = self._events.setdefault(name, deque(maxlen=self._kept))
        events.append(event)
        self._events.move_to_end(name)
        if len(self._events) > self._models:
            self._events.popitem(last=False)


def of_model(record: ModelEvent) -> Event:
    version = "" if record.version is None else str(record.version)
    seconds = round(record.seconds, 3)
    return Event(record.when_s, "version", record.state, version, record.reason, record.cause, seconds)


def of_worker(record: WorkerEvent) -> Event:
    return Event(record.when_s, "worker", record.what, str(record.model.version), record.reason)


def of_traffic(record: TrafficEvent) -> Event:
    version = "" if record.version is None else str(record.version)
    return Event(record.when_s, record.what, record.state, version, record.reason)
