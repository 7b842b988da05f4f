"""Once a second: what memory is used is measured, what nobody asks for sleeps, and what is too much is given back."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable

from headrace.alike import Lot
from headrace.errors import MemoryFull
from headrace.lasting import lasting
from headrace.memory.attribution import Attribution
from headrace.memory.looking import Looked, Looking
from headrace.memory.popularity import Popularity
from headrace.memory.pressure import Pressure
from headrace.memory.processes import Taken
from headrace.memory.relief import Enough, Evict, Grown, Recycle, Refuse, relief
from headrace.memory.sizes import shown
from headrace.models.learnt import Learnt
from headrace.models.residence import Keeping, Residence
from headrace.types import ModelVersion

log = logging.getLogger(__name__)

EVERY_S = 1.0
PATIENCE = 3  # looks that found nothing to give back, before new work is refused
RECYCLE_S = 30.0  # between two fresh starts of one version

SELDOM_S = 3.0
"""The same where there is no budget: what is measured is only told then."""


class Upkeep:
    """Owns the counts of who is asked for, and the refusal of new work."""

    def __init__(
        self,
        keeping: Keeping,
        residence: Residence,
        popularity: Popularity[ModelVersion],
        learnt: Learnt,
        refuse: Callable[[MemoryFull | None], None],
        *,
        keep_alive_s: float = 0.0,
        most_pressure: float = 100.0,
        look: Callable[[int], Looked] | None = None,
    ) -> None:
        """`refuse` has new work refused with this, or with None taken again."""
        self.pressure: Pressure | None = None
        self._rooms = keeping.rooms
        self._residence = residence
        self._popularity = popularity
        self._learnt = learnt
        self._clock = keeping.clock
        self._refuse = refuse
        self._keep_alive_s = keep_alive_s
        self._most_pressure = most_pressure
        self._look = look or Looking()
        self._attribution = Attribution(os.getpid())
        self._recycled_s: dict[ModelVersion, float] = {}
        self._at_a_loss = 0  # looks in a row
        self._refuses = False

    def count(self, lot: Lot) -> None:
        """Count who is asked for; whoever waits for memory looks whether somebody is idle now."""
        counts: Counter[tuple[str, int]] = Counter()
        last_ns = 0
        for group in lot.alike:
            if group.version is not None:
                counts[group.model, group.version] += len(group.requests)
                last_ns = max(last_ns, group.requests[-1].finished_ns)
        for (name, number), requests in counts.items():
            self._popularity.asked(ModelVersion(name, number), last_ns / 1e9, requests)
        if counts:
            self._rooms.look_again()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            with lasting("looking after memory"):
                await self.look()
            await asyncio.sleep(EVERY_S if self._rooms.ledger.budget_bytes is not None else SELDOM_S)

    async def look(self) -> None:
        """Measure once, and do what follows from it."""
        looked = await asyncio.to_thread(self._look, os.getpid())
        self.pressure = looked.pressure
        self._follow(looked.taken)
        for version in self._idle():
            await self._residence.lull(
                version, f"nobody asked for it in {self._keep_alive_s:g} s (models.keep_alive_s)"
            )
        await self._relieve()
        await self._learnt.save()

    def _follow(self, taken: dict[int, Taken]) -> None:
        rooms, held = self._rooms, self._residence.rooms_held()
        for room in held:
            room.hold.pids = rooms.own_pids(room.hold)
            room.hold.inside = room.hold.inside and not room.hold.pids  # one that has died just then may be back
        owned = {room.hold.version: room.hold.pids for room in held}
        ledger = rooms.ledger
        ledger.follow(self._attribution.read(taken, owned, self._clock.now_ns() / 1e9, ledger.loading_since_s))
        for room in held:
            rooms.profiles.grew(room.files, room.hold.grown_bytes)
            if room.hold.pids == room.pids:
                rooms.profiles.held(room.files, room.hold.measured_bytes)
        rooms.look_again()

    def _idle(self) -> list[ModelVersion]:
        """Those that nobody has asked for in so long."""
        if not self._keep_alive_s:
            return []
        before_s = self._clock.now_ns() / 1e9 - self._keep_alive_s
        loaded_s = {room.hold.version: room.hold.since_s for room in self._residence.rooms_held()}
        return [
            each.key
            for each in self._residence.residents()
            if not (each.pinned or each.busy)
            and max(self._popularity.last_s(each.key) or 0.0, loaded_s.get(each.key, 0.0)) <= before_s
        ]

    async def _relieve(self) -> None:
        ledger = self._rooms.ledger
        over = 0 if ledger.budget_bytes is None else ledger.reading.total_bytes - ledger.budget_bytes
        pressed = self.pressure is not None and self.pressure.full > self._most_pressure
        at_a_loss = False
        likely = ledger.likely_bytes
        match relief(over, self._residence.residents(), self._grown(), likely_bytes=likely, pressed=pressed):
            case Enough():
                pass
            case Evict(keys):
                why = (
                    f"{shown(over)} over its budget" if over > 0 else f"within {shown(likely)} of its budget, and grows"
                )
                for version in keys:
                    await self._residence.lull(version, f"memory is {why}")
            case Recycle(version):
                self._recycled_s[version] = self._clock.now_ns() / 1e9
                self._residence.recycle(version, f"memory is {shown(over)} over its budget, and it grew most")
            case Refuse():
                at_a_loss = True
        self._at_a_loss = self._at_a_loss + 1 if at_a_loss else 0
        self._tell(pressed or self._at_a_loss >= PATIENCE, over, pressed)

    def _grown(self) -> list[Grown[ModelVersion]]:
        now_s = self._clock.now_ns() / 1e9
        return [
            Grown(room.hold.version, room.hold.first.anonymous_bytes, room.hold.taken.anonymous_bytes)
            for room in self._residence.rooms_held()
            if not room.hold.inside and now_s - self._recycled_s.get(room.hold.version, now_s - RECYCLE_S) >= RECYCLE_S
        ]

    def _tell(self, refuses: bool, over: int, pressed: bool) -> None:
        if refuses and pressed and self.pressure:
            why = (
                f"programs of {self.pressure.of} stood still for want of memory in {self.pressure.full:g} % of the time"
            )
        else:
            why = f"memory is {shown(over)} over memory.budget, and nothing more can be given back"
        if refuses != self._refuses:
            log.warning("new work is refused: %s" if refuses else "new work is taken again%.0s", why)
        self._refuses = refuses
        self._refuse(MemoryFull(f"{why}; no new work is taken for now", retry_after_s=PATIENCE) if refuses else None)
