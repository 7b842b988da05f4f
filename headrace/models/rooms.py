"""Room in memory for loads: reserved before, measured after, made by others' leaving, and back once one has left."""

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

import msgspec

from headrace.clock import Clock
from headrace.errors import SOON_S, MemoryFull
from headrace.memory.admission import Fits, MakeRoom, Share, WaitForRoom, admit, why_not
from headrace.memory.eviction import Resident
from headrace.memory.ledger import Hold, Ledger
from headrace.memory.processes import Taken, taken_by, together
from headrace.memory.profiles import Files, Profile, Profiles
from headrace.memory.sizes import shown
from headrace.repository.file_facts import Facts
from headrace.repository.model_files import LANGUAGE
from headrace.types import Manifest, ModelVersion, Signature

log = logging.getLogger(__name__)

Pids = Callable[[], Mapping[ModelVersion, Sequence[int]]]
"""The worker processes of every version that has some, as they are now."""

Measure = Callable[[Sequence[int]], Mapping[int, Taken]]


def nobody() -> Mapping[ModelVersion, Sequence[int]]:
    """Where no version has a process of its own."""
    return {}


def files_of(manifest: Manifest, facts: Facts, cache_bytes: int = 0) -> Files:
    """What a version is loaded from; another content, or another way of reading it, has another key. `cache_bytes` is
    what it is going to hold beside them, as was said."""
    digest = hashlib.blake2b(repr((manifest, facts)).encode(), digest_size=16).hexdigest()
    num_bytes, processes = sum(fact.size for fact in facts), max(1, len(manifest.variants)) * (manifest.instances or 1)
    return Files(digest, num_bytes, manifest.runtime, processes, manifest.runtime in LANGUAGE, cache_bytes)


class Others(msgspec.Struct, frozen=True):
    """Who may make room for a load, and how."""

    residents: Callable[[], list[Resident[ModelVersion]]]
    evict: Callable[[ModelVersion], Awaitable[None]]
    is_pinned: Callable[[str], bool]


class Rooms:
    """Owns the hold of every load and of every loaded version; all methods are called on the event loop."""

    def __init__(
        self,
        ledger: Ledger,
        profiles: Profiles,
        clock: Clock,
        *,
        pids: Pids = nobody,
        wait_s: float = 30.0,
        measure: Measure = taken_by,
    ) -> None:
        self.ledger = ledger
        self.profiles = profiles
        self._clock = clock
        self._pids = pids
        self._wait_s = wait_s
        self._measure = measure
        self._changed = asyncio.Event()
        self._deciding = asyncio.Lock()  # who evicts for whom: one after the other

    @asynccontextmanager
    async def for_load(self, version: ModelVersion, files: Files, others: Others) -> AsyncIterator["Room"]:
        """Room for the peak, counted from now on; what is not told to be loaded in the `with` is given back behind it.

        Raises MemoryFull with the numbers where there is none, and nobody can give it in time.
        """
        hold = await self._enter(version, files, others)
        room = Room(self, hold, files)
        room.server_bytes = self.ledger.reading.server_bytes
        try:
            yield room
        finally:
            if not room.used:
                self.forget(hold)

    @contextmanager
    def beside(self, version: ModelVersion, what: str) -> Iterator[None]:
        """Room for a version a second time, which is counted as `what` of it; nobody has to leave for it.

        Raises MemoryFull with the numbers where there is none.
        """
        found = self.ledger.of(version)
        needed = max(found.peak_bytes, found.measured_bytes) if found else 0
        if self.ledger.short_bytes(needed) > 0:
            raise self._refusal(version, needed, lambda name: False, SOON_S)
        named = msgspec.structs.replace(version, name=f"{version.name} ({what})")
        hold = self.ledger.enter(named, needed, self._clock.now_ns() / 1e9)
        try:
            yield
        finally:
            self.forget(hold)

    def claim(self, version: ModelVersion, share: Callable[[int], int]) -> int | None:
        """Count as much of what the budget leaves as `share` says of that for a version that is loading, and tell how
        much that is; None where there is no budget."""
        hold = self.ledger.of(version)
        if hold is None or self.ledger.budget_bytes is None:
            return None
        claimed = share(max(0, -self.ledger.short_bytes(0)))
        self.ledger.claim(hold, claimed)
        return claimed

    def look_again(self) -> None:
        """Somebody may be idle now, or measured to hold less."""
        self._changed.set()

    def forget(self, hold: Hold) -> None:
        """Its memory is back."""
        self.ledger.forget(hold)
        self.look_again()

    def own_pids(self, hold: Hold) -> tuple[int, ...]:
        """The processes of its version that no other hold has: in a swap the old one has some too, but what starts once
        the new one's load began is the new one's."""
        there = self._pids().get(hold.version, ())
        if self.ledger.of(hold.version) is not hold:
            return tuple(pid for pid in there if pid in hold.pids)
        taken = {pid for each in self.ledger.holds if each is not hold for pid in each.pids}
        return tuple(pid for pid in there if pid not in taken)

    async def measure(self, pids: Sequence[int]) -> Mapping[int, Taken]:
        """What these processes take, read off the loop, once what is ready on it now has run: a load is for that."""
        if not pids:
            return {}
        await asyncio.sleep(0)
        return await asyncio.to_thread(self._measure, pids)

    async def _enter(self, version: ModelVersion, files: Files, others: Others) -> Hold:
        until_ns = self._clock.now_ns() + int(self._wait_s * 1e9)
        while True:
            async with self._deciding:
                needed = self.profiles.peak_bytes(files)
                tried = self._tried(files, needed)
                self._changed.clear()
                match self._verdict(version, tried.room_bytes, others):
                    case Fits():
                        return self.ledger.enter(version, tried.counted_bytes, self._clock.now_ns() / 1e9)
                    case MakeRoom(keys):
                        await asyncio.gather(*(others.evict(key) for key in keys))
                        continue
                    case WaitForRoom():
                        if self._clock.now_ns() >= until_ns:
                            raise self._refusal(version, needed, others.is_pinned, SOON_S)
                    case _:
                        raise self._refusal(version, needed, others.is_pinned, None)
            await self._wait(until_ns)

    def _tried(self, files: Files, peak_bytes: int) -> "_Tried":
        """With what it is tried. A peak above all that there is would keep it out for good, though one load is not like
        the next: so one that fits once it is loaded is tried where it has all of that, with no other beside it."""
        most, held = self.ledger.most_bytes, self.profiles.held_bytes(files)
        if most is None or held is None or not held <= most < peak_bytes:
            return _Tried(peak_bytes, peak_bytes)
        return _Tried(most, held)

    def _verdict(self, version: ModelVersion, needed: int, others: Others) -> object:
        short = self.ledger.short_bytes(needed)
        if short <= 0:
            return Fits()
        residents = [each for each in others.residents() if each.key.name != version.name]  # it goes on in a swap
        return admit(short, residents, self._may_give(others))

    def _may_give(self, others: Others) -> int:
        """What loads under way and versions on their way out may give back; and what is kept for the server and others
        to grow by, of which there is less with time."""
        return self.ledger.likely_bytes + sum(
            hold.reserved_bytes
            for hold in self.ledger.holds
            if hold.stage == "leaving" or (hold.stage == "loading" and not others.is_pinned(hold.version.name))
        )

    async def _wait(self, until_ns: int) -> None:
        """Until something has changed, or it is too late."""
        timer = self._clock.call_at(until_ns, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            timer.cancel()

    def _refusal(
        self, version: ModelVersion, needed: int, is_pinned: Callable[[str], bool], retry_s: float | None
    ) -> MemoryFull:
        ledger = self.ledger
        shares = [Share("server", ledger.server_bytes), Share("other processes", ledger.other_bytes)]
        for hold in ledger.holds:
            pinned = ", pinned" if is_pinned(hold.version.name) else ""
            shares.append(Share(f"{hold.version} ({hold.stage}{pinned})", hold.reserved_bytes))
        text = why_not(str(version), needed, ledger.held_bytes, ledger.budget_bytes or 0, shares)
        return MemoryFull(text, retry_after_s=retry_s)

    async def server_bytes(self) -> int:
        """What the server itself takes; 0 where nobody keeps a budget."""
        if self.ledger.budget_bytes is None:
            return 0
        return sum(each.pss_bytes for each in (await self.measure([os.getpid()])).values())


class _Tried(NamedTuple):
    """A load: what there has to be for it, and with what it is counted, of which a claim leaves the rest."""

    room_bytes: int
    counted_bytes: int


class Room:
    """What a load has reserved, and then what was loaded holds."""

    def __init__(self, rooms: Rooms, hold: Hold, files: Files) -> None:
        self.hold = hold
        self.files = files
        self.used = False  # the load went well, or who ends it gives it back
        self.server_bytes = 0  # that the server took when it was measured last
        self.pids: tuple[int, ...] = ()  # that were loaded: one that takes a dead one's place may not be yet
        self._rooms = rooms

    async def loaded(self, seconds: float, signature: Signature) -> Profile:
        """The load went well: what it takes is measured, learnt, and counted instead of what was reserved."""
        rooms, hold = self._rooms, self.hold
        hold.pids = self.pids = rooms.own_pids(hold)
        hold.inside = not hold.pids
        taken = together((await rooms.measure(hold.pids)).values())
        peak = taken.peak_bytes
        if hold.inside:  # of the server's own: what it grew by, as far as that tells
            taken = Taken(max(0, await rooms.server_bytes() - self.server_bytes) if self.server_bytes else 0)
            peak = max(hold.peak_bytes, taken.pss_bytes)
        profile = rooms.profiles.loaded(self.files, peak, seconds, signature)
        rooms.profiles.held(self.files, taken.pss_bytes)
        rooms.ledger.settle(hold, taken, max(profile.growth_bytes, _to_come_bytes(signature)))
        self.used = True
        rooms.look_again()
        return profile

    def leaves(self) -> None:
        """It is on its way out, and counted until `left`, also where its load is not over."""
        self.used = True
        self._rooms.ledger.leave(self.hold)

    async def left(self, pids: Sequence[int]) -> str:
        """It is out: whether its memory is really back, in words."""
        hold, still = self.hold, await self._rooms.measure(pids)
        self._rooms.forget(hold)
        if still:
            holders = ", ".join(f"process {pid} holds {shown(each.pss_bytes)}" for pid, each in still.items())
            log.warning("%s is unloaded, and its memory is not back: %s", hold.version, holders)
            return f"its memory is not back: {holders}"
        return "" if hold.inside else f"{shown(hold.measured_bytes)} given back"


def _to_come_bytes(signature: Signature) -> int:
    """What it was promised and takes as it is used: pages of its key-value cache, and second graphs."""
    language = signature.language
    return language.kv_bytes + language.second_bytes if language else 0
