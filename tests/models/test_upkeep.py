"""What nobody asks for sleeps, and what is over the budget is given back: models, then a worker, then new work."""

from collections.abc import Sequence
from pathlib import Path

from headrace.alike import lot_of
from headrace.errors import MemoryFull
from headrace.memory.looking import Looked
from headrace.memory.popularity import Popularity
from headrace.memory.pressure import Pressure
from headrace.memory.processes import Taken
from headrace.models.learnt import Learnt
from headrace.models.profile_store import ProfileStore
from headrace.models.residence import ASLEEP
from headrace.models.upkeep import PATIENCE, Upkeep
from headrace.records import RequestRecord
from headrace.settings import Models
from headrace.types import ModelVersion
from tests.models.reconcile_bench import Answering, Bench

MIB = 1 << 20
M = ModelVersion("m", 1)


class House:
    def __init__(self, root: Path, *names: str, budget: int | None = 1000 * MIB, keep_alive_s: float = 0.0) -> None:
        self.bench = Bench(root, models=Models(control="explicit"), budget=budget)
        for name in names:
            self.bench.put(1, name=name)
            self.bench.machine.sizes[name] = 40 * MIB
        self.refusals: list[MemoryFull | None] = []
        self.pressure: Pressure | None = None
        self.server = 100 * MIB
        self.popularity: Popularity[ModelVersion] = Popularity()
        self.upkeep = Upkeep(
            self.bench.keeping,
            self.bench.reconcile.residence,
            self.popularity,
            Learnt(ProfileStore(None)),
            self.refusals.append,
            keep_alive_s=keep_alive_s,
            most_pressure=40.0,
            look=self.look,
        )

    def look(self, server: int) -> Looked:
        return Looked({server: Taken(self.server), **self.bench.machine.took}, self.pressure)

    async def load(self, names: Sequence[str] = ("m",)) -> None:
        await self.bench.reconcile.start()
        for name in names:
            await self.bench.reconcile.load(name)

    def grow(self, size: int) -> None:
        took = self.bench.machine.took
        for pid in took:
            took[pid] = Taken(size, anonymous_bytes=size)

    async def refused(self) -> bool:
        await self.upkeep.look()
        await self.bench.reconcile.still()
        return self.refusals[-1] is not None


def asked(name: str, finished_s: float) -> RequestRecord:
    return RequestRecord("", name, 1, "http", 1, 0, 0, int(finished_s * 1e9), None)


async def test_what_is_measured_is_what_counts(tmp_path: Path) -> None:
    house = House(tmp_path, "m")
    await house.load()
    house.grow(50 * MIB)
    await house.upkeep.look()
    ledger = house.bench.rooms.ledger
    assert ledger.reading.total_bytes == 150 * MIB == ledger.held_bytes
    assert ledger.reading.by_version == {M: Taken(50 * MIB, anonymous_bytes=50 * MIB)}


async def test_what_a_version_takes_that_is_loaded_anew_counts_though_somebody_looked_meanwhile(tmp_path: Path) -> None:
    house = House(tmp_path, "m")
    await house.load()

    class LookedAt(Answering):
        async def whole(self) -> None:
            await house.upkeep.look()

    house.bench.makes = LookedAt
    house.bench.machine.sizes["m"] = 60 * MIB
    await house.bench.reconcile.load("m")
    await house.bench.reconcile.still()
    (hold,) = house.bench.rooms.ledger.holds
    assert (hold.inside, hold.measured_bytes) == (False, 60 * MIB)
    assert "not back" not in house.bench.events[-1].cause
    assert house.bench.patient == [1_000_001]  # the one before, and not the new one


async def test_a_version_whose_worker_died_as_soon_as_it_was_loaded_counts_once_that_is_back(tmp_path: Path) -> None:
    house = House(tmp_path, "m")
    del house.bench.machine.sizes["m"]  # so that none is there
    await house.load()
    house.bench.machine.sizes["m"] = 40 * MIB
    house.bench.machine.start(M)
    await house.upkeep.look()
    (hold,) = house.bench.rooms.ledger.holds
    assert (hold.inside, hold.measured_bytes) == (False, 40 * MIB)


async def test_what_it_holds_is_learnt_while_it_serves(tmp_path: Path) -> None:
    house = House(tmp_path, "m")
    await house.load()
    house.grow(30 * MIB)  # of a load is left for a while what goes then
    await house.upkeep.look()
    (room,) = house.bench.reconcile.residence.rooms_held()
    assert house.bench.profiles.held_bytes(room.files) == 30 * MIB
    house.bench.machine.took.clear()  # its worker dies, and the next one is loading
    house.bench.machine.sizes["m"] = MIB
    house.bench.machine.start(M)
    await house.upkeep.look()
    assert house.bench.profiles.held_bytes(room.files) == 30 * MIB


async def test_what_nobody_asks_for_sleeps(tmp_path: Path) -> None:
    house = House(tmp_path, "m", "n", "o", keep_alive_s=60.0)
    await house.load(("m", "n", "o"))
    await house.bench.reconcile.pin("o", True)
    house.bench.clock.pass_ms(50_000)
    house.upkeep.count(lot_of([asked("n", house.bench.clock.now_ns() / 1e9)]))
    await house.upkeep.look()
    assert set(house.bench.reasons().values()) == {""}
    house.bench.clock.pass_ms(10_000)
    await house.upkeep.look()
    assert house.bench.reasons() == {"m": ASLEEP, "n": "", "o": ""}


async def test_over_the_budget_the_least_asked_for_sleeps(tmp_path: Path) -> None:
    house = House(tmp_path, "m", "n", budget=250 * MIB)
    house.bench.rates = {"m": 2.0, "n": 1.0}
    await house.load(("m", "n"))
    house.server = 200 * MIB
    assert not await house.refused()
    assert house.bench.reasons() == {"m": "", "n": ASLEEP}


async def test_where_none_can_the_worker_that_grew_most_starts_anew(tmp_path: Path) -> None:
    house = House(tmp_path, "m", budget=250 * MIB)
    await house.load()
    await house.bench.reconcile.pin("m", True)
    house.grow(200 * MIB)
    await house.upkeep.look()
    await house.bench.reconcile.still()
    assert house.bench.told == ["build m/1", "drain m/1", "close m/1", "build m/1"]
    assert [each.pss_bytes for each in house.bench.machine.took.values()] == [40 * MIB]


async def test_and_not_again_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, "m", budget=250 * MIB)
    await house.load()
    await house.bench.reconcile.pin("m", True)
    for _ in range(2):
        house.grow(200 * MIB)
        await house.upkeep.look()
        await house.bench.reconcile.still()
    assert house.bench.told.count("build m/1") == 2


async def test_where_nothing_helps_new_work_is_refused_until_there_is_room(tmp_path: Path) -> None:
    house = House(tmp_path, budget=50 * MIB)
    assert [await house.refused() for _ in range(PATIENCE)] == [False] * (PATIENCE - 1) + [True]
    refusal = house.refusals[-1]
    assert refusal is not None
    assert "memory is 50.0 MiB over memory.budget" in str(refusal)
    assert refusal.retry_after_s
    house.server = 10 * MIB
    assert not await house.refused()


async def test_programs_that_stand_still_for_memory_have_new_work_refused_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, budget=None)
    house.pressure = Pressure(60.0, 50.0, "the machine")
    assert await house.refused()
    assert "stood still for want of memory in 50 % of the time" in str(house.refusals[-1])
    house.pressure = Pressure(60.0, 30.0, "the machine")
    assert not await house.refused()
