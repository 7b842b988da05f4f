"""Everything about objectives and alerts of one server: read this first.

Listens to what happened, looks every few seconds whether all is well, and has those told that are to be.
"""

import asyncio
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headrace.alike import Lot
from headrace.clock import rfc3339
from headrace.errors import ModelNotFound, NotFound, NotKept
from headrace.kept_database import why_not_kept
from headrace.lasting import lasting
from headrace.objectives import families
from headrace.objectives.alerts import Alerts
from headrace.objectives.conditions import Seen, conditions
from headrace.objectives.counts import Counts, Series
from headrace.objectives.families import burned, remaining
from headrace.objectives.forms import as_json
from headrace.objectives.lately import Rises
from headrace.objectives.log_lines import write
from headrace.objectives.machine import disks, stalled_ratio
from headrace.objectives.promises import Promise, promises
from headrace.objectives.receiver import Receiver
from headrace.objectives.rules import ON_PURPOSE, Watched, duration, rules
from headrace.objectives.silences import Silence, Silences
from headrace.objectives.states import States
from headrace.objectives.store import Store
from headrace.objectives.troubles import Troubles
from headrace.records import Record
from headrace.types import Manifest, ModelVersion, Objective, VersionStatus

log = logging.getLogger(__name__)

SAVE_S = 60.0
"""How much of what was counted may be lost where the server ends at once."""

CLOSE_S = 2.0
"""How long the end of the server waits for notices that are on their way."""


class Asked(msgspec.Struct, frozen=True):
    """What is asked of the server, because no record tells it."""

    manifest: Callable[[ModelVersion], Manifest | None]  # of a version that is served
    index: Callable[[], Iterable[VersionStatus]]
    memory: Callable[[], Mapping[str, Any]]  # as `/v2/headrace/memory` tells it
    dropped: Callable[[], Mapping[tuple[str, str], int]]  # telemetry that was left out, by part and reason
    flush: Callable[[], None] = lambda: None  # hand over what was recorded by now


class Objectives:
    """Owns the counts, the alerts and the silences, and the threads of whoever is told. All but those is on the event
    loop's thread."""

    def __init__(
        self,
        watched: Watched,
        asked: Asked,
        receivers: Sequence[Receiver],
        places: Mapping[str, Path],
        folder: Path | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """`places` are folders whose disks are looked at; without a `folder` nothing outlives the server. `now_s` is
        Unix time that never goes back."""
        self._watched, self._asked, self._receivers, self._places = watched, asked, receivers, places
        self._now_s = now_s
        self._states = States()
        default = promises(Objective(), watched.slo.availability)
        self._counts = Counts(self._promised, default, watched.spans_s(), self._states)
        self._troubles = Troubles(watched.alerts.window_s, now_s)
        self._alerts = Alerts(rules(watched), watched.alerts.resolve_s)
        self._silences = Silences()
        self._rises: Rises[str] = Rises(watched.alerts.window_s)
        self._store = None if folder is None else Store(folder)
        self._unsaved = 0  # times that what was counted could not be kept
        self._disks: Mapping[str, float] = {}
        self._failed: Mapping[ModelVersion, str] = {}
        self._saving = asyncio.Lock()
        self._going_on: list[asyncio.Task[None]] = []

    def __call__(self, records: Sequence[Record]) -> None:
        """A listener of the bus; `count` is the one for requests."""
        self._counts(records)
        self._troubles(records)

    def count(self, lot: Lot) -> None:
        """Count requests."""
        self._counts.count(lot)

    async def start(self) -> None:
        """Take up what was kept, and begin to look."""
        if self._store is not None:
            await self._restore(self._store)
        for receiver in self._receivers:
            receiver.start()
        # Apart from each other: a disk that hangs must not keep anybody from hearing of the rest.
        self._going_on = [asyncio.create_task(each) for each in (self._look_on(), self._read_on(), self._save_on())]

    async def close(self) -> None:
        """Stop looking, keep what was counted, and give notices on their way a moment."""
        if self._going_on:
            for each in self._going_on:
                each.cancel()
            await asyncio.gather(*self._going_on, return_exceptions=True)
            await self._save()
            if self._store is not None:
                await asyncio.to_thread(self._store.close)
            await asyncio.gather(*(asyncio.to_thread(each.close, CLOSE_S) for each in self._receivers))

    def look(self) -> None:
        """See what is wrong now, and have those told that are to be."""
        now_s = self._now_s()
        self._counts.settle(now_s)  # what was recorded just now has its turn in the next look
        wrong = conditions(self._seen(now_s), self._watched)
        self._silences.expire(now_s)
        changed = self._alerts.look(now_s, wrong)
        if self._watched.alerts.log:
            for alert in changed:
                if self._silences.covering(alert.key) is None:
                    write(alert)
        firing = self._alerts.firing()
        silenced = {key: alert for key, alert in firing.items() if self._silences.covering(key)}
        loud = {key: alert for key, alert in firing.items() if key not in silenced}
        for receiver in self._receivers:
            receiver.settle()
            receiver.policy.quieten(silenced)
            for notice in receiver.policy.due(now_s, loud):
                receiver.put(notice)

    def dropped(self) -> Mapping[str, int]:
        """What was left out: notices by receiver and why, conditions beyond what is kept, counts that were not kept."""
        counts = Counter(self._alerts.dropped)
        for receiver in self._receivers:
            counts.update({f"{receiver.name}_{why}": count for why, count in receiver.dropped.items()})
        return counts | Counter({"not_kept": self._unsaved} if self._unsaved else {})

    def lines(self) -> Iterator[str]:
        """What Prometheus reads, once what was recorded is handed over."""
        self._counts.settle(self._now_s())
        yield from families.of_objectives(self._counts.series, self._watched)
        yield from families.of_alerts(self._alerts, self._receivers)
        yield from families.of_the_server(
            self._states.were_ready(), self._failed, stalled_ratio(self._asked.memory()), self._disks
        )

    def slo(self, model: str) -> dict[str, Any]:
        """What a model promises, and what is left of its budgets. Raises ModelNotFound."""
        self._settle(self._now_s())
        found = self._counts.of(model)
        if not found and not any(status.name == model for status in self._asked.index()):
            raise ModelNotFound(f"model {model!r} is not in the repository")
        *spans_s, period_s = self._watched.spans_s()
        told = [_told(series, spans_s, period_s) for series in found]
        return {"model": model, "period_s": period_s, "objectives": told}

    def slos(self) -> list[dict[str, Any]]:
        """The same of every model that promises something."""
        self._settle(self._now_s())
        return [
            self.slo(model)
            for model in sorted({name for (name, _), each in self._counts.series.items() if each.current})
        ]

    def told(self) -> dict[str, Any]:
        """Every alert, every silence, and what became of notices."""
        now_s = self._now_s()
        self._silences.expire(now_s)
        alerts = []
        for alert in self._alerts.all():
            silence = self._silences.covering(alert.key)
            alerts.append({**as_json(alert), "silenced_by": silence.id if silence else None})
        return {
            "alerts": alerts,
            "silences": [_silence(each) for each in self._silences.all()],
            "receivers": [
                {"name": each.name, "sent": each.sent, "dropped": each.dropped.total(), "fault": each.fault or None}
                for each in self._receivers
            ],
        }

    async def silence(self, match: Mapping[str, str], for_s: float, reason: str) -> dict[str, Any]:
        """Have nobody told of alerts with these labels for a while. Raises InvalidRequest, and NotKept where the next
        start would not know of it."""
        made = self._silences.add(match, for_s, reason, self._now_s())
        if why := await self._save():
            what = f"silence {made.id} holds until the server ends, and not after that"
            raise NotKept(what + _not_yet(why))
        return _silence(made)

    async def unsilence(self, silence_id: str) -> None:
        """Take a silence back. Raises NotFound, and NotKept where the next start would still have it."""
        if not self._silences.remove(silence_id):
            raise NotFound(f"there is no silence {silence_id[:64]!r}; it may be over")
        if why := await self._save():
            what = f"silence {silence_id} is taken back until the server ends, and holds again after that"
            raise NotKept(what + _not_yet(why))

    def _promised(self, version: ModelVersion) -> tuple[Promise, ...] | None:
        manifest = self._asked.manifest(version)
        return None if manifest is None else promises(manifest.objective, self._watched.slo.availability)

    def _settle(self, now_s: float) -> None:
        self._asked.flush()
        self._counts.settle(now_s)

    def _seen(self, now_s: float) -> Seen:
        self._failed = self._states.failed(self._asked.index())
        dropped = Counter[str]()
        for (part, reason), count in self._asked.dropped().items():
            if reason not in ON_PURPOSE:
                dropped[part] += count
        return Seen(
            self._counts.series,
            self._failed,
            self._troubles.crashes(),
            frozenset(self._troubles.gave_up),
            stalled_ratio(self._asked.memory()),
            self._disks,
            self._rises.read(dropped, now_s),
            self._troubles.drifted(),
        )

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self._watched.alerts.every_s)
            with lasting("a look for alerts"):
                self.look()

    async def _read_on(self) -> None:
        while True:
            with lasting("a look at the disks"):
                self._disks = await asyncio.to_thread(disks, self._places)
            await asyncio.sleep(self._watched.alerts.every_s)

    async def _save_on(self) -> None:
        while True:
            await asyncio.sleep(SAVE_S)
            with lasting("keeping error budgets"):
                await self._save()

    async def _restore(self, store: Store) -> None:
        try:
            counts, silences = await asyncio.to_thread(store.read)
        except (OSError, sqlite3.Error) as error:
            log.warning("error budgets begin anew: what was kept in %s cannot be read: %s", store.file, error)
            return
        self._counts.restore(counts, self._now_s())
        self._silences.restore(silences, self._now_s())

    async def _save(self) -> str:
        """Keep what was counted since the last time, and silences; where that cannot be it is counted, and tried again.

        Returns why it cannot be; "" where all is kept, or nothing ever is.
        """
        if self._store is None:
            return ""
        async with self._saving:
            now_s = self._now_s()
            self._settle(now_s)
            unsaved = self._counts.take_unsaved(now_s)
            try:
                await asyncio.to_thread(self._store.write, unsaved, self._silences.all(), now_s)
            except (OSError, sqlite3.Error) as error:
                if not self._unsaved:
                    log.warning("error budgets are not kept for the next start: %s", error)
                self._unsaved += 1
                self._counts.save_all()
                return why_not_kept(error)
        return ""


def _not_yet(why: str) -> str:
    return f": {why}; that is kept as soon as state.dir can be written"


def _told(series: Series, spans_s: Sequence[float], period_s: float) -> dict[str, Any]:
    window = series.windows[period_s]
    total = window.good + window.bad
    return {
        "objective": series.promise.objective,
        "target": series.promise.target,
        "limit_ms": series.promise.limit_ms,
        "good": window.good,
        "bad": window.bad,
        "ratio": window.good / total if total else None,
        "budget_remaining": remaining(series, period_s),
        "burn_rates": {duration(span_s): burned(series, span_s) for span_s in spans_s},
    }


def _silence(silence: Silence) -> dict[str, Any]:
    return {
        "id": silence.id,
        "match": silence.match,
        "until": rfc3339(silence.until_s),
        "made": rfc3339(silence.made_s),
        "reason": silence.reason,
    }
