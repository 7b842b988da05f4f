"""What changed on one server: listens, looks every second, keeps it for the next start, and answers why."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.changes.account import Account
from headrace.changes.change_log import ChangeLog, Store, Unkept
from headrace.changes.entries import Entry
from headrace.changes.machine import Watch, Workers
from headrace.changes.mix import Move, moves
from headrace.changes.noticing import Leads, Noticing
from headrace.changes.series import Series
from headrace.changes.settings_changed import changed
from headrace.changes.slots import Slots
from headrace.clock import Clock
from headrace.errors import NotKept, RateLimited
from headrace.lasting import lasting
from headrace.records import Record

LOOK_S = 1.0
MIX_EVERY = 10  # looks between two at how traffic moves
MIX_MODELS = 8
"""Whose traffic is looked at in one such look; the others have their turn in the next."""

MIX_S = 120
SAVE_EVERY = 60  # looks between two times that all is kept
SEEN_S = 300
"""Of each model, that the next start is told."""

NOTICES = 60
"""That requests may post in a minute: the log's room is everybody's."""

log = logging.getLogger(__name__)


class Changes:
    """Two listeners of the bus, and what goes on beside them from `start` to `close`."""

    def __init__(
        self,
        clock: Clock,
        epoch_ns: int,
        settings: Mapping[str, str],
        folder: Path | None = None,
        watch: Watch | None = None,
    ) -> None:
        """`settings` are those in force, `folder` is where lines are kept for the next start."""
        self._clock = clock
        self._epoch_ns = epoch_ns
        self._settings = settings
        self._store = Store(folder)
        self._machine = watch or Watch()
        self._workers = Workers()
        self.log = ChangeLog()
        self.series = Series(epoch_ns)
        self.noticing = Noticing(self.log, self.now_s)
        self._task: asyncio.Task[None] | None = None
        self._posted: deque[float] = deque(maxlen=NOTICES)
        self._turn = 0
        self._saving = asyncio.Lock()

    def events(self, records: Sequence[Record]) -> None:
        """A listener for what happens now and then; `series` is the one for requests and runs."""
        self.noticing(records)
        self._workers(records)

    def now_s(self) -> float:
        """Unix time, by a clock that never goes back."""
        return (self._clock.now_ns() + self._epoch_ns) / 1e9

    def follow(self, leads: Leads) -> None:
        """From now on look at where requests are led."""
        self.noticing.leads = leads

    async def start(self) -> None:
        """Recall what was before this start, and note what is otherwise."""
        stored = await asyncio.to_thread(self._store.read)
        self.log.recall(stored.entries)
        now_s = self.now_s()
        for name, kept in stored.seen.items():
            try:
                self.series.recall(name, kept, now_s)
            except ValueError as error:
                log.warning("what was seen of a model before this start is no good: %s", error)
            if kept.last:
                self.noticing.recalled[name] = kept.last
        before = {name.removeprefix("setting."): said for name, said in stored.facts.items()}
        if before and (what := changed(before, self._settings)):
            self.log.add(Entry(0, "config", "", "", now_s, "the server's start", f"the server started with {what}"))
        elif before:
            self.log.add(Entry(0, "start", "", "", now_s, "the server's start", "the server started"))
        facts = {f"setting.{name}": said for name, said in self._settings.items()}
        await asyncio.to_thread(self._store.write, (), None, facts)
        self._task = asyncio.create_task(self._go_on())

    async def close(self) -> None:
        """Keep what is left."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            self.series.settle(self.now_s() + 2)
            await self._save(seen=True)
        await asyncio.to_thread(self._store.close)

    async def why(self, name: str, since_s: float) -> Mapping[str, Any]:
        """Findings of the last `since_s` seconds, as they go over the wire."""
        account = self.account(name, since_s)
        return await asyncio.to_thread(_why, account)

    def account(self, name: str, since_s: float) -> Account:
        """All that is known of a model's last seconds. Copies it: it may be read on another thread."""
        end = self.now_s()
        self.series.settle(end)
        begin = max(end - since_s, self.series.began_s or end)
        entries = self.log.of(since_s=begin - 2 * SEEN_S)
        return Account(
            name,
            begin,
            end,
            self.series.of(name, begin),
            self.series.others(name, begin),
            self.series.machine(begin),
            entries,
            [drift for drift in self.noticing.drifts if drift.at >= begin],
        )

    def told(self, model: str | None, since_s: float) -> list[dict[str, Any]]:
        """The log's lines of the last `since_s` seconds as they go over the wire, newest first; with a model those of
        it and of the whole server."""
        return [entry.shown() for entry in self.log.of(model, self.now_s() - since_s)]

    def knows(self, name: str) -> bool:
        """Whether anything was seen of a model."""
        return name in self.series.names()

    async def post(self, kind: str, model: str, text: str, at: float, actor: str) -> dict[str, Any]:
        """Add a notice; returns it once it is kept, as it is. Raises RateLimited, and NotKept where the next start
        would not know of it."""
        now_s = self.now_s()
        if len(self._posted) == NOTICES and now_s - self._posted[0] < 60:
            raise RateLimited(
                f"at most {NOTICES} notices a minute are taken", retry_after_s=60 - (now_s - self._posted[0])
            )
        self._posted.append(now_s)
        entry = self.log.add(Entry(0, kind, model, "", at, actor, text))
        unkept = await self._save(notice=entry)
        if unkept and unkept.why:
            what = f"notice {entry.id} stands until the server ends, and not after that: {unkept.why}"
            raise NotKept(f"{what}; ask again once state.dir can be written")
        return entry.shown()

    async def _go_on(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(LOOK_S)
            looks += 1
            with lasting("looking at what changes"):
                await self._look(looks)

    async def _look(self, looks: int) -> None:
        now_s = self.now_s()
        for _ in self.series.settling(now_s):
            await asyncio.sleep(0)
        self.noticing.look(self.noticing.leads())
        row = await asyncio.to_thread(self._machine.look, now_s, tuple(self._workers.pids))
        if row is not None:
            self.series.add_machine(int(now_s), row)
        if looks % MIX_EVERY == 0:
            await self.look_at_traffic()
        if looks % SAVE_EVERY == 0:
            await self._save(seen=True)
        elif self.log.has_unsaved:
            await self._save()

    async def look_at_traffic(self) -> None:
        """At some of the models that were asked in the last minutes."""
        since_s = self.now_s() - MIX_S
        names = self.series.names()
        for _ in range(min(MIX_MODELS, len(names))):
            self._turn = (self._turn + 1) % len(names)
            name = names[self._turn]
            slots = self.series.of(name, since_s)
            if len(slots.seconds):
                self.noticing.moved(name, await asyncio.to_thread(_moves, slots))

    async def _save(self, seen: bool = False, notice: Entry | None = None) -> Unkept | None:
        """Lines that are not on disk yet, and `notice` in any case: another may have tried it meanwhile, and failed."""
        async with self._saving:
            lines = self.log.unsaved()
            if notice is not None and notice not in lines:
                lines.append(notice)
            kept = self.series.kept(self.now_s() - SEEN_S, self.noticing.defaults) if seen else None
            unkept = await asyncio.to_thread(self._store.write, lines, kept)
            if unkept:
                self.log.dropped["disk"] += len(lines)
            return unkept


def _why(account: Account) -> Mapping[str, Any]:
    from headrace.changes.why import shown, why  # what a start does not need

    return shown(why(account))


def _moves(slots: Slots) -> list[Move]:
    return list(moves(slots))
