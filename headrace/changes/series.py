"""A second-by-second account of each model, and of the machine, for as long as may be looked back on."""

from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.alike import Alike, Lot
from headrace.changes.second import Second, are_plain
from headrace.changes.slots import CORE, MACHINE_WIDTH, TENANTS, WIDTH, Of, Slots, no_slots
from headrace.changes.tenant_places import TenantPlaces
from headrace.records import BatchRecord, Record, StepRecord
from headrace.request_list import Part, ended_ns, listed, parts_of, within

KEPT_S = 3600
"""Seconds of one model that are kept."""

MODELS = 64
"""That are kept; of more, the one that was not asked for longest is forgotten."""

VERSIONS = 1000
"""Of one model that are told apart."""

AHEAD = 8
"""Seconds of one model that may be over before they are rows: it takes a fifth of a millisecond to make one."""

R = TypeVar("R")

_SECOND = 1_000_000_000  # in nanoseconds
_SLACK = 400  # rows beyond those that are kept, so that the oldest leave many at a time


class Table:
    """Rows by the second, of which only the latest are kept."""

    def __init__(self, width: int, kept: int = KEPT_S) -> None:
        self._kept = kept
        self._size = 0
        self._seconds = np.zeros(64, np.int64)
        self._rows = np.zeros((64, width), np.float32)

    @property
    def last(self) -> int:
        """The latest second, or 0."""
        return int(self._seconds[self._size - 1]) if self._size else 0

    def add(self, second: int, row: NDArray[np.float32]) -> None:
        """Later than all that is there: of a second that has a row already, the rest is dropped."""
        if second <= self.last:
            return
        if self._size == len(self._seconds):
            self._make_room()
        self._seconds[self._size] = second
        self._rows[self._size] = row
        self._size += 1

    def merge(self, column: int, into: int) -> None:
        """Count what one column has as another's; nothing is left in it."""
        self._rows[: self._size, into] += self._rows[: self._size, column]
        self._rows[: self._size, column] = 0

    def since(self, begin: float, width: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Copies."""
        first = int(np.searchsorted(self._seconds[: self._size], begin))
        return self._seconds[first : self._size].copy(), self._rows[first : self._size, :width].copy()

    def _make_room(self) -> None:
        most = self._kept + _SLACK
        if self._size < most:
            size = min(most, 2 * self._size)
            self._seconds = np.resize(self._seconds, size)
            self._rows = np.resize(self._rows, (size, self._rows.shape[1]))
            return
        self._seconds[: self._kept] = self._seconds[-self._kept :].copy()
        self._rows[: self._kept] = self._rows[-self._kept :].copy()
        self._size = self._kept


class _OfModel:
    """One model's table, and the second that is being counted."""

    def __init__(self) -> None:
        self.table = Table(WIDTH)
        self.now: Second | None = None
        self._over: list[Second] = []  # and yet to be rows of the table
        self.versions: dict[int, int] = {}
        self.tenants = TenantPlaces(TENANTS - 1)

    def at(self, second: int) -> Second:
        """Where facts of this second are counted: those that come late go to the one that is open."""
        if self.now is None or second > self.now.second:
            self.close()
            self.now = Second(second)
        if len(self._over) > AHEAD:
            self.settle()
        return self.now

    def close(self) -> None:
        if self.now is not None:
            self._over.append(self.now)
            self.now = None

    def settle(self) -> bool:
        """Make rows of seconds that are over; whether there were any."""
        over, self._over = self._over, []
        for second in over:
            self.table.add(second.second, second.row(self._version, self.tenants.of))
            if (place := self.tenants.count(second.tenants)) is not None:
                self.table.merge(Of.TENANT + place, into=Of.TENANT + TENANTS - 1)
        return bool(over)

    def _version(self, number: int) -> int:
        if len(self.versions) >= VERSIONS:
            return self.versions.get(number, 0)
        return self.versions.setdefault(number, len(self.versions))


class Kept(msgspec.Struct, frozen=True):
    """The last minutes of one model, as they are kept for the next start."""

    seconds: bytes
    rows: bytes
    versions: list[int]
    tenants: list[str]
    last: int = 0  # the version that answered by default


class Series:
    """A listener of the bus that keeps every model's seconds. Only models that have a version have any."""

    def __init__(self, epoch_ns: int) -> None:
        """`epoch_ns` is what makes Unix time of the clock's."""
        self._epoch_ns = epoch_ns
        self._models: OrderedDict[str, _OfModel] = OrderedDict()
        self._machine = Table(MACHINE_WIDTH)
        self.began_s = 0  # the first second that anything is known of; 0: nothing is

    def __call__(self, records: Sequence[Record]) -> None:
        """Steps of language models' engines."""
        for record in records:
            if isinstance(record, StepRecord) and (model := self._models.get(record.model.name)) and model.now:
                model.now.add_step(record.facts.seconds, record.facts.running)

    def count(self, lot: Lot) -> Iterator[None]:
        """Generations and runs, then requests."""
        for generation in lot.generations:
            second = (generation.finished_ns + self._epoch_ns) // _SECOND
            self._of(generation.model.name).at(second).add_generation(generation)
        for runs in lot.runs:
            for second, some in self._by_second(runs.records, _run_ended_ns):
                self._of(runs.model.name).at(second).add_runs(runs.rows[some], runs.took_ns[some])
        yield
        for name, groups in _by_model(lot).items():
            parts, plain = _in_order(groups), len(groups) == 1 and are_plain(groups[0])
            for second, some in self._by_second(parts, ended_ns):
                self.began_s = self.began_s or second
                of = self._of(name).at(second)
                if plain:
                    of.add_alike(groups[0], within(groups[0].requests, some))
                else:
                    of.add_requests(listed(parts[some]))

    def add_machine(self, second: int, row: NDArray[np.float32]) -> None:
        self._machine.add(second, row)

    def settle(self, now_s: float) -> None:
        """Close every second that is over, also of models that nobody asks any more."""
        for _ in self.settling(now_s):
            pass

    def settling(self, now_s: float) -> Iterator[None]:
        """The same with a pause after each model: all of them would hold up requests for milliseconds."""
        for model in list(self._models.values()):
            if model.now is not None and model.now.second < int(now_s) - 1:
                model.close()
            if model.settle():
                yield

    def names(self) -> list[str]:
        return list(self._models)

    def of(self, name: str, since_s: float) -> Slots:
        """Every column of a model; none of one that is not known."""
        model = self._models.get(name)
        if model is None:
            return no_slots()
        model.settle()
        return Slots(*model.table.since(since_s), list(model.versions), list(model.tenants.names))

    def others(self, name: str, since_s: float) -> Mapping[str, Slots]:
        """The first columns of every other model."""
        found = {}
        for other, model in self._models.items():
            if other != name:
                model.settle()
                found[other] = Slots(*model.table.since(since_s, CORE), list(model.versions))
        return found

    def machine(self, since_s: float) -> Slots:
        return Slots(*self._machine.since(since_s))

    def kept(self, since_s: float, defaults: Mapping[str, int]) -> dict[str, Kept]:
        """What the next start is told of each model; `defaults` are the versions that answer by default."""
        found = {}
        for name, model in self._models.items():
            model.settle()
            seconds, rows = model.table.since(since_s)
            if len(seconds):
                versions, tenants = list(model.versions), list(model.tenants.names)
                found[name] = Kept(seconds.tobytes(), rows.tobytes(), versions, tenants, defaults.get(name, 0))
        return found

    def recall(self, name: str, kept: Kept, now_s: float) -> None:
        """What the last start told of a model that nothing was heard of yet. Raises ValueError where it is no good."""
        seconds = np.frombuffer(kept.seconds, np.int64)
        rows = np.frombuffer(kept.rows, np.float32).reshape(len(seconds), WIDTH)
        if name in self._models or len(self._models) >= MODELS or (len(seconds) and seconds[-1] >= now_s):
            return  # of a clock that has been set back since, nothing can be told
        model = self._of(name)
        model.versions = {number: index for index, number in enumerate(kept.versions)}
        model.tenants.names = list(kept.tenants)
        self.began_s = min([self.began_s or int(now_s), *seconds[:1].tolist()])
        for second, row in zip(seconds, rows, strict=True):
            model.table.add(int(second), row)

    def _by_second(self, records: Sequence[R], ended_ns: Callable[[R], int]) -> Iterator[tuple[int, slice]]:
        """Which of these are of which second; they come in the order in which they ended, so few are looked at."""
        begin = 0
        while begin < len(records):
            second = (ended_ns(records[begin]) + self._epoch_ns) // _SECOND
            over_ns = (second + 1) * _SECOND - self._epoch_ns
            end = len(records)
            if ended_ns(records[-1]) >= over_ns:
                end = bisect_left(records, over_ns, begin, key=ended_ns)
            yield second, slice(begin, end)
            begin = end

    def _of(self, name: str) -> _OfModel:
        model = self._models.get(name)
        if model is None:
            model = self._models[name] = _OfModel()
            if len(self._models) > MODELS:
                self._models.popitem(last=False)
        else:
            self._models.move_to_end(name)
        return model


def _by_model(lot: Lot) -> Mapping[str, Sequence[Alike]]:
    """Requests that had a version."""
    found: defaultdict[str, list[Alike]] = defaultdict(list)
    for group in lot.alike:
        if group.version is not None:
            found[group.model].append(group)
    return found


def _in_order(groups: Sequence[Alike]) -> Sequence[Part]:
    """In which they ended."""
    if len(groups) == 1:
        return parts_of(groups[0].requests)
    return sorted([part for group in groups for part in parts_of(group.requests)], key=ended_ns)


def _run_ended_ns(run: BatchRecord) -> int:
    facts = run.facts
    return facts.started_ns + facts.input_ns + facts.infer_ns + facts.output_ns
