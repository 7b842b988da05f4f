"""Makes lines of the change log from what is seen: records of events, where labels lead, and how traffic moved."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from headrace.changes.account import Drifted
from headrace.changes.change_log import ChangeLog
from headrace.changes.entries import Entry, of_model, of_traffic
from headrace.changes.mix import Move
from headrace.numerals import numeral
from headrace.records import DriftEvent, ModelEvent, Record, TrafficEvent, WorkerEvent

DRIFTS = 1000
"""That are remembered."""

APART_S = 30
"""Moves of one kind that are nearer are one."""

JUMPED_S = 60
"""What says that it happened this far from now was told by a wall clock that was set meanwhile."""

_SIDES: Mapping[str, Literal["inputs", "outputs", "schema"]] = {
    "inputs": "inputs",
    "outputs": "outputs",
    "schema": "schema",
}
_SEEN = (ModelEvent, TrafficEvent, DriftEvent, WorkerEvent)


class Led(msgspec.Struct, frozen=True):
    """Which version of a model answers by default, where its labels lead, and who else answers."""

    default: int
    labels: Mapping[str, int] = {}
    asked: frozenset[str] = frozenset()  # labels that requests set; files the others
    shared: frozenset[int] = frozenset()  # versions among which requests that name none are shared

    def answers(self, version: int) -> bool:
        """Whether it answers others than those that name its number."""
        return version == self.default or version in self.shared or version in self.labels.values()


Leads = Callable[[], Mapping[str, Led]]
"""Of each model that was tried at the start, and has something that answers, how that is now."""


class Noticing:
    """A listener of the bus that writes to the log. Remembers where requests for each model were led last."""

    def __init__(self, log: ChangeLog, now_s: Callable[[], float], leads: Leads = dict) -> None:
        self.recalled: dict[str, int] = {}  # the version that answered by default at the end of the last start
        self.leads = leads
        self.drifts: deque[Drifted] = deque(maxlen=DRIFTS)
        self._stood: dict[str, int] = {}  # the version that answered by default last, by model
        self._finished: dict[str, int | None] = {}  # versions whose rollouts were done since the last look, by model
        self._log = log
        self._now_s = now_s
        self._led: dict[str, Led] = {}
        self._moved: dict[tuple[str, str], float] = {}
        self._turned: dict[str, tuple[float, int, int]] = {}  # when another version answered by default, and which

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, _SEEN):
                self._see(record)

    def look(self, led: Mapping[str, Led]) -> None:
        """At where requests are led now; to be called every second or so."""
        now_s = self._now_s()
        for name, (when_s, was, after) in list(self._turned.items()):
            if self._released_since(name, after, when_s - 5):
                del self._turned[name]
            elif now_s - when_s >= 1:
                text = f"version {after} answers by default; before it was version {was}"
                self._log.add(Entry(0, "release", name, str(after), when_s, self._who(name, when_s - 5), text))
                del self._turned[name]
        for name, now in led.items():
            before = self._led.get(name)
            was_led = before.default if before else self.recalled.pop(name, now.default)
            if was_led != now.default:
                self._turn(name, was_led, now.default, now_s)
            if before is not None:
                self._labels(name, before, now, now_s)
            self._stood[name] = now.default
        self._led = dict(led)
        self._finished.clear()

    @property
    def defaults(self) -> Mapping[str, int]:
        """The version that answers by default, by model."""
        return {**self.recalled, **self._stood}

    def moved(self, name: str, moves: Sequence[Move]) -> None:
        """What was seen of a model's traffic; what is known already is left out."""
        for move in moves:
            key = name, f"{move.kind} {move.text.partition(' went ')[0]}"
            if abs(self._moved.get(key, 0.0) - move.at) > APART_S:
                self._moved[key] = move.at
                self._log.add(Entry(0, move.kind, name, "", move.at, "clients", move.text))
        if len(self._moved) > 10 * DRIFTS:
            self._moved.clear()

    def _turn(self, name: str, was: int, now: int, now_s: float) -> None:
        """Another version answers; of one that comes back before it was told, nothing is."""
        first = self._turned.get(name, (now_s, was, now))[1]
        if first == now:
            self._turned.pop(name, None)
        else:
            self._turned[name] = now_s, first, now

    def _see(self, record: ModelEvent | TrafficEvent | DriftEvent | WorkerEvent) -> None:
        entry: Entry | None
        if isinstance(record, ModelEvent):
            entry = of_model(record, self._before(record.model, record.version))
        elif isinstance(record, TrafficEvent):
            entry = of_traffic(record)
            if (record.what, record.state) == ("rollout", "done"):
                self._finished[record.model] = record.version
        elif isinstance(record, DriftEvent):
            entry = self._drift(record)
        else:
            entry = _of_worker(record)
        if entry is not None:
            self._log.add(self._timely(entry))

    def _before(self, name: str, version: int | None) -> int | None:
        """As `of_model` takes it, of a version that became ready."""
        now, led = self.leads().get(name), self._led.get(name)
        if now is None or version is None:
            return None
        if led is None:
            if name not in self.recalled:
                self._led[name] = now
            return None
        if version != now.default:
            return version if led.answers(version) else None
        self._led[name] = msgspec.structs.replace(led, default=version)
        turned = self._turned.get(name)
        return turned[1] if turned and turned[2] == version else led.default

    def _who(self, name: str, since_s: float) -> str:
        """Who had versions come and go since then; where none did, a request led to what was there."""
        found = [entry.actor for entry in self._log.of(name, since_s) if entry.kind in ("load", "unload")]
        return found[0] if found else "a request"

    def _timely(self, entry: Entry) -> Entry:
        now_s = self._now_s()
        if abs(entry.at - now_s) <= JUMPED_S:
            return entry
        took_s = entry.at - entry.began if entry.began else 0.0
        return msgspec.structs.replace(entry, at=now_s, began=now_s - took_s if took_s else 0.0)

    def _drift(self, record: DriftEvent) -> Entry | None:
        side = _SIDES.get(record.side)
        if record.state != "alarm" or side is None:
            return None  # of latency and errors there is an account of every second
        name, version = record.model.name, record.model.version
        if side != "schema":
            window_s = max(0.0, record.when_s - record.began_s)
            self.drifts.append(Drifted(name, version, side, record.feature, record.when_s, window_s, record.ratio))
        key = name, side
        if abs(self._moved.get(key, 0.0) - record.when_s) <= APART_S:
            return None
        self._moved[key] = record.when_s
        text = f"{record.feature}: {record.test} is {numeral(record.ratio, 2)}x its threshold"
        return Entry(0, side, name, str(version), record.when_s, "clients", text)

    def _released_since(self, name: str, version: int, since_s: float) -> bool:
        entries = self._log.of(name, since_s)
        return any(entry.means == "release" and entry.version == str(version) for entry in entries)

    def _labels(self, name: str, before: Led, now: Led, now_s: float) -> None:
        for label in sorted(before.labels.keys() | now.labels.keys()):
            was, leads = before.labels.get(label), now.labels.get(label)
            if was == leads:
                continue
            where = f"leads to version {leads}" if leads is not None else "is gone"
            wherefrom = f"; before to version {was}" if was is not None else ""
            version = str(leads) if leads is not None else ""
            text = f"label {label!r} {where}{wherefrom}"
            actor = "a request" if label in before.asked | now.asked else "files"
            if leads is not None and self._finished.get(name) == leads:
                actor = "the server"
            self._log.add(Entry(0, "label", name, version, now_s, actor, text))


def _of_worker(record: WorkerEvent) -> Entry | None:
    if record.what == "started" or (record.what == "died" and not record.reason):
        return None
    text = f"worker {record.worker} {record.what}: {record.reason}"
    return Entry(0, "worker", record.model.name, str(record.model.version), record.when_s, "the server", text)
