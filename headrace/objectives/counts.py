"""How many requests of each model kept what its objective promises, and how many did not."""

from collections.abc import Callable, Mapping, Sequence

from headrace.alike import Lot
from headrace.objectives.budget import Bucket, Window
from headrace.objectives.promises import AVAILABILITY, NOT_SERVED, Promise
from headrace.objectives.states import States
from headrace.records import GenerationRecord, ModelEvent, Record
from headrace.types import ModelVersion

Promised = Callable[[ModelVersion], tuple[Promise, ...] | None]
"""What a version promises that is served; None of one that is not."""

Saved = tuple[str, str, float, Bucket]
"""A model, an objective, the width of the bucket in seconds, and what is in it."""

SAVE_ALL = float("-inf")


class Series:
    """One promise of one model: what was counted since the start, and in each window."""

    def __init__(self, promise: Promise, spans_s: Sequence[float], current: bool = True) -> None:
        self.promise = promise  # as it is now; what was counted before stays as it was counted
        self.current = current  # it is promised now
        self.good = 0
        self.bad = 0
        self.windows = {span_s: Window(span_s) for span_s in spans_s}
        self._settled = (0, 0)
        self._changed = False
        self._saved_s = SAVE_ALL  # buckets that ended before are saved as they are

    def settle(self, now_s: float) -> None:
        """Have the windows hold what was counted until now."""
        good, bad = self.good - self._settled[0], self.bad - self._settled[1]
        self._settled = self.good, self.bad
        self._changed |= bool(good or bad)
        for window in self.windows.values():
            window.add(now_s, good, bad)

    def restore(self, by_width: Mapping[float, Sequence[Bucket]], now_s: float) -> None:
        """Take up what an earlier start counted. A window of another width than then has what the longest had."""
        for window in self.windows.values():
            window.restore(by_width.get(window.width_s, by_width[max(by_width)]), now_s)
        self._saved_s = now_s

    def take_unsaved(self, now_s: float) -> list[tuple[float, Bucket]]:
        """Every bucket that has changed since it was taken last, with its width."""
        if not self._changed:
            return []
        since_s, self._saved_s, self._changed = self._saved_s, now_s, False
        windows = self.windows.values()
        return [(each.width_s, bucket) for each in windows for bucket in each.since(since_s - each.width_s)]

    def save_all(self) -> None:
        """What was taken could not be saved: take everything the next time."""
        self._saved_s, self._changed = SAVE_ALL, True

    def is_empty(self) -> bool:
        return not any(window.good or window.bad for window in self.windows.values())


class _Slot:
    """Counts of one version until they are settled: what is touched for each request, and no more."""

    __slots__ = ("bad", "good", "late", "limit_ns", "objectives", "tokens")

    def __init__(self, promised: tuple[Promise, ...]) -> None:
        limits = {each.objective: int(each.limit_ms * 1e6) for each in promised if each.limit_ms is not None}
        self.limit_ns = limits.pop("p99_ms", None)
        self.tokens = limits
        self.objectives = {each.objective for each in promised}
        self.good = self.bad = self.late = 0


class Counts:
    """A listener of the bus that has requests by `count`. Only models of the repository are counted, whatever clients
    ask for."""

    def __init__(
        self, promised: Promised, default: tuple[Promise, ...], spans_s: Sequence[float], states: States
    ) -> None:
        """`default` is what a model promises of which nothing is known yet."""
        self.series: dict[tuple[str, str], Series] = {}  # by model and objective
        self._promised = promised
        self._default = default
        self._spans_s = tuple(spans_s)
        self._states = states
        self._slots: dict[tuple[str, int | None], _Slot] = {}

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if type(record) is GenerationRecord:
                self._generation(record)
            elif type(record) is ModelEvent:
                self._happened(record)

    def count(self, lot: Lot) -> None:
        """Count requests."""
        for group in lot.alike:
            slot = self._slots.get((group.model, group.version)) or self._slot(group.model, group.version)
            if slot is None:
                continue
            if not group.error:
                slot.good += len(group.requests)
                if (limit_ns := slot.limit_ns) is not None:
                    slot.late += sum([took_ns > limit_ns for took_ns in group.took_ns])
            elif group.error in NOT_SERVED:
                slot.bad += len(group.requests)

    def settle(self, now_s: float) -> None:
        """Have every window hold what was counted until now."""
        current = set[tuple[str, str]]()
        for (model, _), slot in self._slots.items():
            self._take(model, slot)
            current.update((model, objective) for objective in slot.objectives)
        for key, series in list(self.series.items()):
            series.settle(now_s)
            series.current = key in current
            if not series.current and series.is_empty():
                del self.series[key]  # it is not promised any more, and nothing is remembered of it

    def of(self, model: str) -> list[Series]:
        """What is promised of one model."""
        return [series for (name, _), series in self.series.items() if name == model and series.current]

    def take_unsaved(self, now_s: float) -> list[Saved]:
        """Every bucket that has changed since it was taken last."""
        return [
            (model, objective, *each)
            for (model, objective), series in self.series.items()
            for each in series.take_unsaved(now_s)
        ]

    def save_all(self) -> None:
        """What was taken could not be saved: take everything the next time."""
        for series in self.series.values():
            series.save_all()

    def restore(self, kept: Sequence[Saved], now_s: float) -> None:
        """Take up what an earlier start counted; models that are not there are forgotten with time."""
        rows: dict[tuple[str, str], dict[float, list[Bucket]]] = {}
        for model, objective, width_s, bucket in kept:
            rows.setdefault((model, objective), {}).setdefault(width_s, []).append(bucket)
        for key, by_width in rows.items():
            series = self.series.setdefault(key, Series(Promise(key[1], 0.0), self._spans_s, current=False))
            series.restore(by_width, now_s)

    def _slot(self, model: str, version: int | None) -> _Slot | None:
        """A place to count a request at; None for one of a model that is not there, or not meant to be."""
        if not self._states.is_meant(model):
            return None
        if version not in self._states.meant(model):  # whatever number a client made up
            version = None
            if slot := self._slots.get((model, None)):
                return slot
        promised = None if version is None else self._promised(ModelVersion(model, version))
        if promised is None:  # it cannot be asked: the model goes on promising what it did
            promised = tuple(series.promise for series in self.of(model)) or self._default
        for promise in promised:
            self._series(model, promise).promise = promise
        slot = self._slots[model, version] = _Slot(promised)
        return slot

    def _series(self, model: str, promise: Promise) -> Series:
        series = self.series.setdefault((model, promise.objective), Series(promise, self._spans_s))
        series.current = True
        return series

    def _take(self, model: str, slot: _Slot) -> None:
        if series := self.series.get((model, AVAILABILITY)):
            series.good += slot.good
            series.bad += slot.bad
        if slot.limit_ns is not None and (series := self.series.get((model, "p99_ms"))):
            series.good += slot.good - slot.late
            series.bad += slot.late
        slot.good = slot.bad = slot.late = 0

    def _generation(self, record: GenerationRecord) -> None:
        """What only a language model promises: of generations that came as far as that."""
        model, first_ns = record.model, record.times.first_token_ns
        slot = self._slots.get((model.name, model.version)) or self._slot(model.name, model.version)
        if slot is None or not slot.tokens or not first_ns:
            return
        took = {"ttft_ms": float(first_ns)}
        if record.longest > 1:
            took["tpot_ms"] = (record.finished_ns - record.arrived_ns - first_ns) / (record.longest - 1)
        for objective, limit_ns in slot.tokens.items():
            if objective in took and (series := self.series.get((model.name, objective))):
                late = took[objective] > limit_ns
                series.good += not late
                series.bad += late

    def _happened(self, event: ModelEvent) -> None:
        """What a version promises may be another thing from now on; what was counted by then is settled as it was."""
        self._states.happened(event)
        for key in [key for key in self._slots if key[0] == event.model]:
            self._take(event.model, self._slots.pop(key))
        for version in self._states.meant(event.model):
            self._slot(event.model, version)  # counters are there, as 0, before the first request
