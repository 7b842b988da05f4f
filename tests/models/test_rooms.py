"""Room is counted from before a load until its memory is back."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from headrace.errors import MemoryFull
from headrace.generation import LanguageFacts
from headrace.memory.eviction import Resident
from headrace.memory.ledger import Ledger, Reading
from headrace.memory.processes import Taken
from headrace.memory.profiles import Files, Profile, Profiles
from headrace.models.rooms import Others, Rooms, files_of
from headrace.repository.file_facts import FileFact
from headrace.types import Manifest, ModelVersion
from tests.fakes import FakeClock, signature

A = ModelVersion("a", 1)
FILES = Files("key", 0, "onnx")
PEAK = 64 << 20


async def nobody_leaves(version: ModelVersion) -> None:
    raise AssertionError(f"{version} is to stay")


def others(*residents: Resident[ModelVersion]) -> Others:
    return Others(lambda: list(residents), nobody_leaves, lambda name: False)


def rooms(took: dict[int, Taken], budget: int | None = 100 << 20) -> Rooms:
    return Rooms(
        Ledger(budget),
        Profiles(),
        FakeClock(),
        pids=lambda: {A: list(took)},
        measure=lambda pids: {pid: took[pid] for pid in pids if pid in took},
    )


async def test_a_load_is_counted_with_its_peak_and_then_with_what_it_takes() -> None:
    made = rooms({7: Taken(20, 0, 50)})
    async with made.for_load(A, FILES, others()) as room:
        assert made.ledger.held_bytes == PEAK
        await room.loaded(0.5, signature())
    assert made.ledger.held_bytes == 20
    profile = made.profiles.of(FILES)
    assert profile is not None
    assert (profile.peak_bytes, profile.growth_bytes, profile.load_s) == (50, 0, 0.5)
    assert made.profiles.held_bytes(FILES) == 20


async def test_there_is_room_for_a_version_a_second_time_only_within_the_budget() -> None:
    made = rooms({7: Taken(20 << 20, 0, 50 << 20)})
    async with made.for_load(A, FILES, others()) as room:
        await room.loaded(0.5, signature())
    with made.beside(A, "operators"):
        assert made.ledger.held_bytes > 70 << 20
        assert {hold.version.name for hold in made.ledger.holds} == {"a", "a (operators)"}
        with pytest.raises(MemoryFull), made.beside(A, "operators"):
            pass
    assert made.ledger.held_bytes == 20 << 20


async def test_a_load_that_fails_gives_its_room_back() -> None:
    made = rooms({})
    with pytest.raises(RuntimeError):
        async with made.for_load(A, FILES, others()):
            raise RuntimeError
    assert made.ledger.holds == []


async def test_in_a_swap_the_processes_of_the_old_are_not_the_news() -> None:
    took = {7: Taken(20, 0, 50)}
    made = rooms(took)
    async with made.for_load(A, FILES, others()) as old:
        await old.loaded(0.5, signature())
    took[8] = Taken(30, 0, 60)
    async with made.for_load(A, FILES, others()) as new:
        await new.loaded(0.5, signature())
    assert (old.hold.pids, new.hold.pids) == ((7,), (8,))
    assert new.hold.measured_bytes == 30


async def test_what_starts_while_a_version_loads_anew_is_the_news_until_that_fails() -> None:
    took = {7: Taken(20, 0, 50)}
    made = rooms(took)
    async with made.for_load(A, FILES, others()) as old:
        await old.loaded(0.5, signature())
    async with made.for_load(A, FILES, others()):
        took[8] = Taken(30, 0, 60)
        assert made.own_pids(old.hold) == (7,)
    assert made.own_pids(old.hold) == (7, 8)


async def test_a_model_without_a_process_is_part_of_the_server() -> None:
    made = rooms({})
    async with made.for_load(A, FILES, others()) as room:
        await room.loaded(0.5, signature())
    assert room.hold.inside
    assert made.ledger.held_bytes == 0
    room.leaves()
    assert await room.left(()) == ""


async def test_what_left_is_looked_for() -> None:
    took = {7: Taken(20, 0, 50)}
    made = rooms(took)
    async with made.for_load(A, FILES, others()) as room:
        await room.loaded(0.5, signature())
    room.leaves()
    assert made.ledger.held_bytes == 20
    assert await room.left(room.hold.pids) == "its memory is not back: process 7 holds 20 B"
    took.clear()
    assert await room.left(room.hold.pids) == "20 B given back"


async def test_what_needs_more_than_there_is_but_holds_less_is_tried_where_it_has_all_of_it() -> None:
    took = {7: Taken(60, 0, 120)}
    made = rooms(took, budget=100)
    made.profiles.learnt_before({"key": Profile(0, "onnx", 120, 0, 0.5, held_bytes=60)})
    left: list[ModelVersion] = []

    async def leave(version: ModelVersion) -> None:
        left.append(version)
        made.forget(small)

    small = made.ledger.enter(ModelVersion("b", 1), 10)
    made.ledger.settle(small, Taken(10), 0)
    resident = Resident(small.version, 10, 0.0, 1.0)
    async with made.for_load(A, FILES, Others(lambda: [resident], leave, lambda name: False)) as room:
        assert left == [small.version]
        assert (made.ledger.held_bytes, made.claim(A, lambda free: free)) == (60, 40)
        took[7] = Taken(50, 0, 90)
        await room.loaded(0.5, signature())
    assert made.profiles.peak_bytes(FILES) == 90


@pytest.mark.parametrize(("held", "pinned"), [(101, False), (0, False), (60, True)])
async def test_what_would_not_fit_anyhow_or_beside_what_stays_is_refused_with_its_peak(held: int, pinned: bool) -> None:
    made = rooms({}, budget=100)
    made.profiles.learnt_before({"key": Profile(0, "onnx", 120, 0, 0.5, held_bytes=held)})
    if pinned:
        made.ledger.settle(made.ledger.enter(ModelVersion("b", 1), 10), Taken(10), 0)
    with pytest.raises(MemoryFull, match="a/1 needs 120 B at its peak"):
        async with made.for_load(A, FILES, others(*[Resident(ModelVersion("b", 1), 10, 0.0, 1.0, True)] * pinned)):
            pass


async def test_where_nobody_can_give_it_there_is_no_waiting() -> None:
    made = rooms({}, budget=10)
    with pytest.raises(
        MemoryFull, match=r"a/1 needs 64\.0 MiB at its peak, and 10 B of memory\.budget, 10 B, are free"
    ):
        async with made.for_load(A, FILES, others(Resident(ModelVersion("b", 1), 5, 0.0, 1.0, busy=True))):
            pass


async def test_what_is_kept_for_the_server_to_grow_by_is_waited_for() -> None:
    made = rooms({}, budget=PEAK + 10)
    for server in (5, 10):
        made.ledger.follow(Reading(server, 0, {}))
    held: list[int] = []

    async def load() -> None:
        async with made.for_load(A, FILES, others()):
            held.append(made.ledger.held_bytes)

    loading = asyncio.create_task(load())
    await asyncio.sleep(0)
    assert not held
    for _ in range(100):
        made.ledger.follow(Reading(10, 0, {}))
    made.look_again()
    await loading
    assert held == [PEAK + 10]


def test_other_files_and_another_way_of_reading_them_are_known_apart() -> None:
    manifest = Manifest("a", 1, Path("/a/1/model.onnx"), "onnx")
    fact = FileFact("/a/1/model.onnx", 10, 1, 1, 1)
    files = files_of(manifest, (fact,))
    assert (files.num_bytes, files.runtime) == (10, "onnx")
    assert files_of(manifest, (fact._replace(modified_ns=2),)).key != files.key
    assert files_of(Manifest("a", 1, manifest.path, "onnx", threads=2), (fact,)).key != files.key


async def test_a_cache_is_claimed_of_what_is_left_and_counts_whole_until_its_pages_are_used() -> None:
    took = {7: Taken(20, 0, 50)}
    made = rooms(took)
    language = LanguageFacts("llama", ("generate",), 1, 1, 1, "", False, kv_bytes=1000)
    async with made.for_load(A, FILES, others()) as room:
        left = (100 << 20) - PEAK
        assert made.claim(A, lambda free: free // 2) == left // 2
        assert made.ledger.held_bytes == PEAK + left // 2
        await room.loaded(0.5, msgspec.structs.replace(signature(), language=language))
    assert made.ledger.held_bytes == 20 + 1000
    room.hold.taken = Taken(420, 0, 450, 400)
    assert made.ledger.held_bytes == 420 + 600


async def test_what_second_graphs_may_take_counts_until_they_are_made() -> None:
    made = rooms({7: Taken(20, 0, 50)})
    language = LanguageFacts("llama", ("generate",), 1, 1, 1, "", False, kv_bytes=1000, second_bytes=300)
    async with made.for_load(A, FILES, others()) as room:
        await room.loaded(0.5, msgspec.structs.replace(signature(), language=language))
    assert made.ledger.held_bytes == 20 + 1300
    room.hold.taken = Taken(320, 0, 350, 300)
    assert made.ledger.held_bytes == 320 + 1000


async def test_without_a_budget_and_for_what_does_not_load_nothing_is_claimed() -> None:
    made = rooms({}, budget=None)
    async with made.for_load(A, FILES, others()):
        assert made.claim(A, lambda free: free) is None
    assert rooms({}).claim(A, lambda free: free) is None


async def test_a_cache_that_is_said_in_bytes_has_to_fit_too() -> None:
    made = rooms({})
    with pytest.raises(MemoryFull, match=r"needs 104\.0 MiB at its peak"):
        async with made.for_load(A, msgspec.structs.replace(FILES, cache_bytes=40 << 20), others()):
            pass
