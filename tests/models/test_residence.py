"""Versions come when they are asked for and where there is room, and go when others need it."""

import asyncio
import re
from pathlib import Path

import msgspec
import pytest

from headrace.errors import MemoryFull, ModelInvalid, ModelNotFound
from headrace.models.residence import ASLEEP
from headrace.models.sleeping import Sleeper
from headrace.settings import Models
from headrace.traffic.plans import Rollout
from headrace.types import ModelRef, ModelVersion
from tests.fakes import signature
from tests.models.reconcile_bench import Answering, Bench, Soon

MIB = 1 << 20
LAZY = Models(lazy=True)


@pytest.fixture
def lazy(tmp_path: Path) -> Bench:
    return Bench(tmp_path, models=LAZY)


async def waits(bench: Bench) -> None:
    """Until a load waits for memory."""
    for _ in range(1000):
        if bench.clock._timers:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("nobody waits")


async def test_lazily_nothing_is_loaded_at_the_start(lazy: Bench) -> None:
    lazy.put(1)
    await lazy.reconcile.start()
    assert lazy.built == []
    assert lazy.states() == [("m", 1, "UNAVAILABLE")]
    assert lazy.reasons() == {"m": ASLEEP}


async def test_the_first_request_loads_and_all_that_came_meanwhile_are_answered_by_it(lazy: Bench) -> None:
    lazy.put(1)
    await lazy.reconcile.start()
    lazy.ask()
    lazy.ask()
    await lazy.reconcile.still()
    assert lazy.told == ["build m/1", "m/1 is asked", "m/1 is asked"]
    assert lazy.states() == [("m", 1, "READY")]


async def test_what_waited_for_a_load_runs_before_its_memory_is_looked_at(lazy: Bench) -> None:
    lazy.put(1)
    lazy.makes, lazy.machine.sizes["m"] = Soon, MIB
    lazy.machine.looked = lambda: lazy.told.append("memory is looked at")
    await lazy.reconcile.start()
    lazy.ask()
    await lazy.reconcile.still()
    assert lazy.told == ["build m/1", "m/1 is asked", "m/1 runs", "memory is looked at"]


async def test_a_load_is_urgent_where_nothing_answers_meanwhile(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.put(1)
    await bench.reconcile.load("m")
    await bench.reconcile.load("m")
    assert bench.hurried == [True, False]


async def test_a_model_that_sleeps_is_laid_down_anew_when_its_files_change(lazy: Bench) -> None:
    lazy.put(1)
    await lazy.reconcile.start()
    lazy.put(2)
    await lazy.refresh()
    assert lazy.built == []
    assert lazy.registry.get(ModelRef("m")).version.version == 2
    lazy.ask()
    await lazy.reconcile.still()
    assert lazy.told == ["build m/2", "m/2 is asked"]


async def test_one_that_is_in_memory_is_loaded_anew(lazy: Bench) -> None:
    lazy.put(1)
    await lazy.reconcile.start()
    lazy.ask()
    await lazy.reconcile.still()
    lazy.put(2)
    await lazy.refresh()
    assert lazy.told == ["build m/1", "m/1 is asked", "build m/2", "drain m/1", "close m/1"]


async def test_one_that_cannot_be_loaded_tells_whoever_asked_and_is_not_tried_again(lazy: Bench) -> None:
    lazy.put(1)
    lazy.broken.add("m/1")
    await lazy.reconcile.start()
    got = lazy.ask()
    await lazy.reconcile.still()
    assert got.error == "model_invalid"
    assert lazy.reasons() == {"m": "unknown operator Foo"}
    assert lazy.registry.versions("m") == []


async def test_where_one_that_slept_cannot_be_loaded_the_next_lower_version_is(lazy: Bench) -> None:
    lazy.put(1, 2)
    lazy.broken.add("m/2")
    await lazy.reconcile.start()
    lazy.ask()
    await lazy.reconcile.still()
    assert lazy.states() == [("m", 1, "READY"), ("m", 2, "UNAVAILABLE")]


async def test_requests_that_wait_for_a_version_that_goes_are_answered_by_what_stands_for_it(lazy: Bench) -> None:
    lazy.put(1)
    await lazy.reconcile.start()
    lazy.put(2)
    async with lazy.reconcile.residence._under_way.lock("m"):  # somebody does something to the model
        lazy.ask()
        await asyncio.sleep(0)
        sleeper = lazy.registry.get(ModelRef("m"))
        made = Answering(sleeper.manifest, lazy.told)
        lazy.registry.publish(type(sleeper)(ModelVersion("m", 2), sleeper.manifest, made))
        await lazy.reconcile.residence.retire("m", 1, "a test")
    await lazy.reconcile.still()
    assert lazy.told == ["m/1 is asked"]


async def test_what_a_sleeping_model_takes_is_known_once_it_was_loaded(lazy: Bench) -> None:
    lazy.put(1)
    await lazy.reconcile.start()
    served = await lazy.reconcile.know(ModelRef("m"))
    assert served.signature == signature()
    assert lazy.told == ["build m/1"]
    await lazy.reconcile.residence.sleep(ModelVersion("m", 1), "a test")
    again = await lazy.reconcile.know(ModelRef("m"))
    assert isinstance(again.servable, Sleeper)
    assert again.signature == signature()


async def test_the_next_start_knows_it_without_loading(lazy: Bench, tmp_path: Path) -> None:
    lazy.put(1)
    await lazy.reconcile.start()
    await lazy.reconcile.know(ModelRef("m"))
    after = Bench(tmp_path, models=LAZY)
    after.profiles.learnt_before(lazy.profiles._known)
    await after.reconcile.start()
    assert (await after.reconcile.know(ModelRef("m"))).signature == signature()
    assert after.built == []


async def test_of_two_pinned_loads_at_once_one_loads_and_one_is_refused_with_the_numbers(tight: Bench) -> None:
    await tight.reconcile.start()
    for name in ("m", "n"):
        await tight.reconcile.pin(name, True)
    outcomes = await asyncio.gather(tight.reconcile.load("m"), tight.reconcile.load("n"), return_exceptions=True)
    (refused,) = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(refused, MemoryFull)
    assert re.fullmatch(
        r"[mn]/1 needs (64|80)\.0 MiB at its peak, and (36|60)\.0 MiB of memory\.budget, 100\.0 MiB, are free; "
        r"it is held by: [mn]/1 \((loading|resident), pinned\) (64|40)\.0 MiB, server 0 B, other processes 0 B",
        str(refused),
    )
    assert sorted(state for _, _, state in tight.states()) == ["READY", "UNAVAILABLE"]


async def test_of_two_that_are_not_pinned_the_second_waits_and_has_the_first_leave(tight: Bench) -> None:
    await tight.reconcile.start()
    most = 0

    def see() -> None:
        nonlocal most
        most = max(most, sum(each.pss_bytes for each in tight.machine.took.values()))

    tight.while_building = see
    await asyncio.gather(tight.reconcile.load("m"), tight.reconcile.load("n"))
    see()
    assert most == 40 * MIB
    first, second = (each.name for each in tight.built)
    assert tight.told == [f"build {first}/1", f"drain {first}/1", f"close {first}/1", f"build {second}/1"]
    assert tight.reasons() == {first: ASLEEP, second: ""}


async def test_one_that_left_for_others_comes_back_when_it_is_asked_for(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.load("m")
    await tight.reconcile.load("n")
    tight.ask("m")
    await tight.reconcile.still()
    assert tight.told[-4:] == ["drain n/1", "close n/1", "build m/1", "m/1 is asked"]


async def test_the_least_asked_for_leaves(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models=Models(control="explicit"), budget=160 * MIB)
    bench.rates = {"a": 3.0, "b": 1.0, "c": 2.0}
    for name in "abcd":
        bench.put(1, name=name)
        bench.machine.sizes[name] = 35 * MIB
    await bench.reconcile.start()
    for name in "abcd":
        await bench.reconcile.load(name)
    assert [name for name, reason in bench.reasons().items() if reason == ASLEEP] == ["b"]


async def test_a_busy_model_does_not_leave_and_is_waited_for(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.load("m")
    tight.served("m").running = 1
    loading = asyncio.ensure_future(tight.reconcile.load("n"))
    await waits(tight)
    tight.served("m").running = 0
    tight.rooms.look_again()
    await loading
    assert tight.states() == [("m", 1, "UNAVAILABLE"), ("n", 1, "READY")]


async def test_and_no_longer_than_a_load_may_wait(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.load("m")
    tight.served("m").running = 1
    loading = asyncio.ensure_future(tight.reconcile.load("n"))
    await waits(tight)
    tight.clock.pass_ms(30_000)
    with pytest.raises(MemoryFull, match="n/1 needs"):
        await loading
    assert tight.states() == [("m", 1, "READY"), ("n", 1, "UNAVAILABLE")]


async def test_a_request_that_finds_no_room_is_told_and_the_next_tries_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models=LAZY, budget=50 * MIB)
    bench.put(1)
    await bench.reconcile.start()
    got = bench.ask()
    await bench.reconcile.still()
    assert got.error == "memory_full"
    assert bench.reasons()["m"].startswith(f"{ASLEEP}; the last found no room: m/1 needs 64.0 MiB")
    bench.rooms.ledger.budget_bytes = 100 * MIB
    bench.ask()
    await bench.reconcile.still()
    assert bench.told == ["build m/1", "m/1 is asked"]


async def test_at_the_start_what_finds_no_room_sleeps_and_nobody_leaves_for_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, budget=100 * MIB)
    for name in ("m", "n"):
        bench.put(1, name=name)
        bench.machine.sizes[name] = 40 * MIB
    await bench.reconcile.start()
    assert sorted(bench.reasons().values()) == ["", ASLEEP]
    assert len(bench.built) == 1


async def test_where_memory_does_not_hold_both_a_swap_is_refused_and_the_old_goes_on(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.load("m")
    tight.put(2)
    with pytest.raises(MemoryFull, match=r"m/1 \(resident\) 40.0 MiB"):
        await tight.reconcile.load("m")
    assert tight.states()[:2] == [("m", 1, "READY"), ("m", 2, "UNAVAILABLE")]


async def test_or_the_old_is_drained_first_and_its_requests_wait_for_the_new(tmp_path: Path) -> None:
    bench = Bench(tmp_path, budget=100 * MIB, drain_first=True)
    bench.put(1)
    bench.machine.sizes["m"] = 40 * MIB
    await bench.reconcile.start()
    bench.put(2)
    bench.while_building = bench.ask
    await bench.reconcile.load("m")
    await bench.reconcile.still()
    assert bench.told == ["build m/1", "drain m/1", "close m/1", "build m/2", "m/2 is asked"]


async def test_a_new_version_that_then_does_not_load_leaves_the_old_to_be_loaded_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, budget=100 * MIB, drain_first=True)
    bench.put(1)
    bench.machine.sizes["m"] = 40 * MIB
    await bench.reconcile.start()
    bench.put(2)
    bench.broken.add("m/2")
    with pytest.raises(ModelInvalid):
        await bench.reconcile.load("m")
    bench.ask()
    await bench.reconcile.still()
    assert bench.told[-2:] == ["build m/1", "m/1 is asked"]


async def test_an_unload_tells_what_came_back(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.load("m")
    await tight.reconcile.unload("m")
    assert tight.events[-1].cause == "asked for; 40.0 MiB given back"
    assert tight.rooms.ledger.holds == []


async def test_and_what_did_not(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.load("m")
    tight.served("m").closed = lambda: None
    await tight.reconcile.unload("m")
    assert tight.events[-1].cause.startswith("asked for; its memory is not back: process ")
    assert tight.events[-1].cause.endswith("holds 40.0 MiB")


async def test_what_another_has_replaced_gives_way_while_it_leaves_and_what_makes_room_does_not(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.load("m")
    await tight.reconcile.residence.sleep(ModelVersion("m", 1), "makes room")
    assert tight.patient == []
    await tight.reconcile.load("m")
    (pid,) = tight.rooms.ledger.holds[0].pids
    await tight.reconcile.unload("m")
    assert tight.patient == [pid]


async def test_a_pin_is_kept_over_a_load_and_an_unload(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.pin("m", True)
    await tight.reconcile.load("m")
    await tight.reconcile.unload("m")
    assert tight.reconcile.residence.is_pinned("m")
    await tight.reconcile.pin("m", False)
    assert not tight.reconcile.residence.is_pinned("m")


async def test_while_a_rollout_runs_its_model_stays(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.load("m")
    routing = tight.reconcile.residence._routing
    traffic = msgspec.structs.replace(routing.of("m").traffic, rollout=Rollout(base=1, to=2, steps=(1.0,)))
    await routing.wish("m", msgspec.structs.replace(routing.of("m"), traffic=traffic))
    with pytest.raises(MemoryFull):
        await tight.reconcile.load("n")


async def test_what_cannot_be_closed_holds_nothing_any_more(tight: Bench) -> None:
    def fail() -> None:
        raise RuntimeError("it cannot be closed")

    await tight.reconcile.start()
    await tight.reconcile.load("m")
    tight.served("m").closed = fail
    with pytest.raises(RuntimeError):
        await tight.reconcile.residence.sleep(ModelVersion("m", 1), "a test")
    assert tight.rooms.ledger.holds == []


async def test_only_what_is_there_can_be_pinned(tight: Bench) -> None:
    await tight.reconcile.start()
    with pytest.raises(ModelNotFound):
        await tight.reconcile.pin("nobody", True)


async def test_a_worker_that_starts_anew_is_loaded_beside_the_old_where_there_is_room(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.put(1)
    await bench.reconcile.start()
    bench.reconcile.residence.recycle(ModelVersion("m", 1), "it grew")
    await bench.reconcile.still()
    assert bench.told == ["build m/1", "build m/1", "drain m/1", "close m/1"]


async def test_and_after_the_old_is_gone_where_there_is_none(tight: Bench) -> None:
    await tight.reconcile.start()
    await tight.reconcile.load("m")
    tight.reconcile.residence.recycle(ModelVersion("m", 1), "it grew")
    await tight.reconcile.still()
    assert tight.told == ["build m/1", "drain m/1", "close m/1", "build m/1"]
    assert tight.states()[0] == ("m", 1, "READY")


async def test_a_language_model_s_header_is_read_before_the_first_load_of_its_files_and_not_before_others(
    tight: Bench,
) -> None:
    tight.put(1, name="l")
    (tight.root / "l" / "1" / "model.onnx").rename(tight.root / "l" / "1" / "model.gguf")
    tight.weights["l"] = 1000 * MIB
    with pytest.raises(MemoryFull, match=r"l/1 needs 2\.2 GiB at its peak"):
        await tight.reconcile.load("l")
    tight.rooms.ledger.budget_bytes = None
    tight.weights["l"] = 1000 * MIB
    for _ in range(2):
        await tight.reconcile.load("l")
    assert tight.weights == {}
