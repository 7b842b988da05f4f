"""A version's stay: loaded where there is room, published, put to sleep, woken, retired, and its memory back."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import Literal

import msgspec

from headrace.clock import Clock
from headrace.devices.gives_way import GivesWay, at_once
from headrace.errors import HeadraceError, MemoryFull, ModelInvalid
from headrace.memory.eviction import Resident
from headrace.memory.profiles import Files
from headrace.models.elsewhere import Elsewhere
from headrace.models.finishing import Finishing
from headrace.models.lifecycle import States
from headrace.models.making import Making
from headrace.models.registry import Registry, Served
from headrace.models.rooms import Others, Room, Rooms, files_of
from headrace.models.routing import Routing
from headrace.models.sleeping import MayWait, Sleeper
from headrace.models.stays import Stays
from headrace.models.under_way import UnderWay
from headrace.repository.file_facts import Facts
from headrace.servable import Servable, Whole, wholeness
from headrace.types import Manifest, ModelVersion

log = logging.getLogger(__name__)

ASLEEP = "unloaded: loads on request"
AT_START = "wanted at the start"
FILES_CHANGED = "its files changed"
WOKEN = "a request asked for it"


class Keeping(msgspec.Struct, frozen=True):
    """What the server keeps of memory, and how long requests wait for what is not there."""

    rooms: Rooms
    clock: Clock
    drain_first: bool = False  # where memory does not hold both versions of a swap
    may_wait: MayWait = MayWait()
    rate: Callable[[ModelVersion], float] = lambda version: 0.0  # requests a second that are to be expected
    cache_bytes: Callable[[Manifest], int] = lambda manifest: 0  # that a version holds beside its files, as was said
    weights_bytes: Callable[[Manifest, Facts], int] = lambda manifest, facts: 0  # of a language model, in memory
    gives_way: GivesWay = at_once  # what nobody waits for, as when a version leaves that another has replaced


class Residence:
    """Owns every Servable from its building to its closing, and what stands for one that sleeps.

    What is done to a model is done under its lock, but for `sleep`, which is done where nobody holds it.
    """

    def __init__(
        self,
        registry: Registry,
        states: States,
        making: Making,
        routing: Routing,
        under_way: UnderWay,
        keeping: Keeping,
        stays: Stays,
        fell: Callable[[str], None],
    ) -> None:
        """`fell` is called with the name of a model of which a version that slept does not load; it returns at once."""
        self._registry = registry
        self._states = states
        self._making = making
        self._routing = routing
        self._under_way = under_way
        self._keeping = keeping
        self._rooms = keeping.rooms
        self._stays = stays
        self._fell = fell
        self._places = asyncio.Semaphore(stays.load_parallel)  # loads under way
        self._held: dict[Servable, Room] = {}
        self._waking: set[Sleeper] = set()
        self.finishing = Finishing(registry)
        self.misses = 0  # requests for what was not in memory
        self._others = Others(self.residents, self._make_way, self.is_pinned)
        self._nobody = msgspec.structs.replace(self._others, residents=list)

    # ---- a stay

    async def load(self, manifest: Manifest, cause: str, stands_for: Served | None = None) -> None:
        """Make it, publish it by one assignment, and let what it replaces end. Raises ModelInvalid or MemoryFull.

        `stands_for` is what clients are answered by that this one is going to answer. Where nothing is loaded unasked
        it is laid to sleep instead, and so is what finds no room at the start.
        """
        if self._sleeps_on(manifest, cause):
            await self.lay_down(manifest, cause, stands_for)
            return
        try:
            await self._load(manifest, cause, stands_for)
        except MemoryFull:
            if cause == AT_START:
                await self.lay_down(manifest, cause, stands_for)
                return
            old = self._awake(manifest.name, manifest.version) or (stands_for if _is_awake(stands_for) else None)
            if not self._keeping.drain_first or old is None:
                raise
            await self.sleep(old.version, f"makes room for {manifest.id}")
            await self._load(manifest, cause, stands_for)

    async def lay_down(self, manifest: Manifest, cause: str, stands_for: Served | None = None) -> None:
        """Have it loaded by the first request. Raises ModelInvalid where clients could not go on with it."""
        files = files_of(manifest, await self._making.note(manifest), self._keeping.cache_bytes(manifest))
        profile = self._rooms.profiles.of(files)
        sleeper = self._sleeper(manifest.id, files)
        if profile and profile.signature:
            self._making.check_signature(manifest, profile.signature, _comparable(stands_for))
        self._publish(manifest, sleeper)
        self._states.put(manifest.name, manifest.version, "UNAVAILABLE", ASLEEP, cause=cause)

    async def sleep(self, version: ModelVersion, cause: str) -> bool:
        """Take it out of memory; the next request loads it again. False where it is not in memory."""
        served = self._awake(version.name, version.version)
        if served is None:
            return False
        room = self._held.get(served.servable)
        sleeper = self._sleeper(version, room.files if room else None, served.servable)
        self._registry.publish(Served(version, served.manifest, sleeper))
        self._states.put(version.name, version.version, "UNLOADING", cause=cause)
        told = await self._end(served, at_once)  # its memory is waited for
        if (status := self._states.get(version.name, version.version)) and status.state == "UNLOADING":
            self._states.put(version.name, version.version, "UNAVAILABLE", ASLEEP, cause=_with(cause, told))
        return True

    async def lull(self, version: ModelVersion, cause: str) -> None:
        """The same, if it is idle and may leave now, whatever it was when somebody chose it."""
        if any(each.key == version and each.may_leave for each in self.residents()):
            await self.sleep(version, cause)

    def recycle(self, version: ModelVersion, cause: str) -> None:
        """Load it anew, in processes of its own that are as small as new ones. Returns at once."""
        self._under_way.spawn(self._recycle(version, cause))

    async def retire(self, name: str, version: int, cause: str) -> None:
        """Out of service, and out of memory."""
        served = self._registry.find(name, version)
        if served is None:
            return
        self._making.forget(name, version)
        self._registry.withdraw(served.version)
        if isinstance(served.servable, Sleeper):
            served.servable.hand_over(Elsewhere(self._registry))
        self._states.put(name, version, "UNLOADING", cause=cause)
        told = await self._end(served, self._keeping.gives_way)
        self._states.put(name, version, "UNAVAILABLE", "unloaded", cause=_with(cause, told))

    async def close(self, name: str) -> None:
        """Out of service at once; what still runs is answered with an error."""
        for version in self._registry.versions(name):
            served = self._registry.find(name, version)
            if served is not None:
                self._registry.withdraw(served.version)
                await served.servable.close()

    async def known(self, served: Served) -> Served:
        """The version, once it is known what it takes and gives: loads it where it never was, while the caller waits.

        Raises as `Sleeper.awake`.
        """
        if isinstance(served.servable, Sleeper) and not served.servable.known:
            await served.servable.awake()
        return self._registry.find(served.version.name, served.version.version) or served

    # ---- who is there

    def residents(self) -> list[Resident[ModelVersion]]:
        """Every version in memory, as far as its leaving goes."""
        found = []
        for servable, room in self._serving():
            version, profile, backlog = room.hold.version, self._rooms.profiles.of(room.files), servable.backlog()
            busy = bool(backlog.queued or backlog.running) or self._under_way.held(version.name)
            reload_s = profile.load_s if profile else 1.0
            held, pinned = room.hold.reserved_bytes, self.is_pinned(version.name)
            found.append(Resident(version, held, self._keeping.rate(version), reload_s, pinned, busy))
        return found

    def rooms_held(self) -> list[Room]:
        """The rooms of every version in memory that serves."""
        return [room for _, room in self._serving()]

    def is_awake(self, name: str, version: int) -> bool:
        """Whether it is in memory."""
        return self._awake(name, version) is not None

    def is_pinned(self, name: str) -> bool:
        """Whether it stays, whoever else wants room; in a rollout it does, whose gates are not to measure loads."""
        wishes = self._routing.of(name)
        return wishes.pinned or wishes.traffic.rollout is not None

    # ---- inside

    async def _load(self, manifest: Manifest, cause: str, stands_for: Served | None) -> None:
        name, version = manifest.name, manifest.version
        before = self._registry.find(name, version)
        awake = before if _is_awake(before) else None
        if awake is None:
            self._states.put(name, version, "LOADING", cause=cause)
        try:
            facts = await self._making.note(manifest)
            others = self._nobody if cause == AT_START else self._others
            async with AsyncExitStack() as held:
                await held.enter_async_context(self._places)
                files = files_of(manifest, facts, self._keeping.cache_bytes(manifest))
                if files.language and self._rooms.profiles.of(files) is None:
                    weights_bytes = await asyncio.to_thread(self._keeping.weights_bytes, manifest, facts)
                    files = msgspec.structs.replace(files, weights_bytes=weights_bytes)
                room = await held.enter_async_context(self._rooms.for_load(manifest.id, files, others))
                started_ns = self._keeping.clock.now_ns()
                replaces = _comparable(before) or _comparable(stands_for)
                answers = awake or (stands_for if _is_awake(stands_for) else None)
                servable = await self._making.make(manifest, replaces, facts, answers)
                self._held[servable] = room
                self._begin(manifest, servable, self._since_s(started_ns), cause)
                if answers is None and (whole := wholeness(servable)):
                    self._under_way.spawn(
                        self._completed(Served(manifest.id, manifest, servable), whole, held.pop_all())
                    )
                else:  # whoever waited need not wait for it
                    await room.loaded(self._since_s(started_ns), servable.signature)
        except Exception as error:
            raise self._failed(manifest, cause, before, error) from error

    async def _completed(self, served: Served, whole: Whole, held: AsyncExitStack) -> None:
        """Once all of what answers already is there, it is told, and the room for the load given back."""
        async with held:
            started_ns, cause = self._keeping.clock.now_ns(), "its variants have joined"
            try:
                await whole()
            except HeadraceError:  # the model says it among its warnings
                cause = "its variants could not join"
            room = self._held.get(served.servable)
            if room is None:
                return  # it has gone meanwhile
            name, version = served.version.name, served.version.version
            if self.is_awake(name, version):
                told = "; ".join(served.signature.warnings)
                took_s = self._since_s(started_ns)
                self._states.put(name, version, "READY", told, seconds=took_s, cause=cause, goes_on=True)
            await room.loaded(self._since_s(started_ns), served.signature)

    def _since_s(self, then_ns: int) -> float:
        return (self._keeping.clock.now_ns() - then_ns) / 1e9

    def _begin(self, manifest: Manifest, servable: Servable, seconds: float, cause: str) -> None:
        """From now on it answers."""
        stood = self._registry.default(manifest.name)
        self._publish(manifest, servable)
        if cause != AT_START:  # the order in which versions come then is none in which they were served
            self._routing.remember(manifest.name, stood)
        warnings = "; ".join(servable.signature.warnings)
        self._states.put(manifest.name, manifest.version, "READY", warnings, seconds=seconds, cause=cause)

    def _failed(self, manifest: Manifest, cause: str, before: Served | None, error: Exception) -> HeadraceError:
        """Tell it, and whoever waits; returns what is to be raised."""
        reason = str(error) if isinstance(error, HeadraceError) else f"{type(error).__name__}: {error}"
        if not isinstance(error, HeadraceError):
            log.exception("%s cannot be loaded", manifest.id)  # of others the event of the state tells
        raised = error if isinstance(error, MemoryFull) else ModelInvalid(reason)
        if not isinstance(error, MemoryFull):
            self._making.failed(manifest.id)
        state: Literal["READY", "UNAVAILABLE"] = "READY" if _is_awake(before) else "UNAVAILABLE"
        if before is not None and isinstance(before.servable, Sleeper):
            again = isinstance(error, MemoryFull)  # there may be room the next time
            if again:
                reason = f"{ASLEEP}; the last found no room: {reason}"
            else:
                self._registry.withdraw(before.version)
                self._fell(manifest.name)
            before.servable.fail(raised, for_good=not again)
        elif before is not None:
            reason += "; the version loaded before goes on"
        self._states.put(manifest.name, manifest.version, state, reason, cause=cause)
        return raised

    async def _recycle(self, version: ModelVersion, cause: str) -> None:
        async with self._under_way.lock(version.name):
            served = self._awake(version.name, version.version)
            if served is None:
                return
            with suppress(HeadraceError):  # the index tells
                try:
                    if self._keeping.drain_first:
                        raise MemoryFull("is to be drained first")
                    await self._load(served.manifest, cause, None)
                except MemoryFull:
                    await self.sleep(version, cause)
                    await self._load(served.manifest, cause, None)

    def _publish(self, manifest: Manifest, servable: Servable) -> None:
        """From now on this answers for the version, and for whoever waits for it."""
        replaced = self._registry.find(manifest.name, manifest.version)
        self._registry.publish(Served(manifest.id, manifest, servable))
        if replaced is None:
            return
        if isinstance(replaced.servable, Sleeper):
            replaced.servable.hand_over(servable)
        else:
            self._under_way.spawn(self._replaced(replaced))

    async def _replaced(self, served: Served) -> None:
        if told := await self._end(served, self._keeping.gives_way):
            log.info("%s was loaded anew; of the one before %s", served.version, told)

    async def _end(self, served: Served, gives_way: GivesWay) -> str:
        """Let it finish what it has, for a while, and give back what it holds, during which its processes `gives_way`;
        says in words what came back."""
        room = self._held.pop(served.servable, None)
        if room is not None:
            room.leaves()
        try:
            with self.finishing.counted(served):
                await asyncio.wait_for(served.servable.drain(), self._stays.drain_s)
        except TimeoutError:
            log.warning("%s did not finish within %g s and is closed", served.version, self._stays.drain_s)
        finally:
            try:
                with ExitStack() as leaving:
                    for pid in room.hold.pids if room else ():
                        leaving.enter_context(gives_way(pid))
                    await served.servable.close()
            finally:
                told = await room.left(room.hold.pids) if room else ""
        return told

    async def _make_way(self, version: ModelVersion) -> None:
        await self.lull(version, "makes room for others")

    def _sleeper(self, version: ModelVersion, files: Files | None, awake: Servable | None = None) -> Sleeper:
        profile = self._rooms.profiles.of(files) if files else None
        signature = awake.signature if awake else (profile.signature if profile else None)
        load_s = profile.load_s if profile else None
        return Sleeper(version, signature, self._wake, self._stays.may_wait, self._keeping.clock, load_s)

    def _wake(self, sleeper: Sleeper) -> None:
        self.misses += 1
        if sleeper not in self._waking:
            self._waking.add(sleeper)
            self._under_way.spawn(self._woken(sleeper))

    async def _woken(self, sleeper: Sleeper) -> None:
        name = sleeper.version.name
        try:
            async with self._under_way.lock(name):
                served = self._registry.find(name, sleeper.version.version)
                if served is not None and served.servable is sleeper:
                    await self.load(served.manifest, WOKEN)
        except HeadraceError:
            return  # the index tells, and whoever waited was told
        finally:
            self._waking.discard(sleeper)

    def _serving(self) -> list[tuple[Servable, Room]]:
        """What is in memory and answers, rather than being on its way in or out."""
        found = []
        for servable, room in self._held.items():
            served = self._registry.find(room.hold.version.name, room.hold.version.version)
            if served is not None and served.servable is servable:
                found.append((servable, room))
        return found

    def _sleeps_on(self, manifest: Manifest, cause: str) -> bool:
        """Whether nobody has asked for it yet, where nothing is loaded unasked."""
        if not self._stays.lazy or cause not in (AT_START, FILES_CHANGED):
            return False
        return not any(self._awake(manifest.name, number) for number in self._registry.versions(manifest.name))

    def _awake(self, name: str, version: int) -> Served | None:
        served = self._registry.find(name, version)
        return served if _is_awake(served) else None


def _is_awake(served: Served | None) -> bool:
    return served is not None and not isinstance(served.servable, Sleeper)


def _comparable(served: Served | None) -> Served | None:
    """None where it was never loaded, so that nobody relies on what it takes and gives."""
    if served is not None and isinstance(served.servable, Sleeper) and not served.servable.known:
        return None
    return served


def _with(cause: str, told: str) -> str:
    return f"{cause}; {told}" if told else cause
