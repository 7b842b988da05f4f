"""A version takes another's place only where clients can go on, and can be gone back from."""

import shutil
from pathlib import Path

import pytest

from headrace.errors import InvalidRequest, ModelInvalid, ModelNotFound
from headrace.models.state import State
from headrace.models.turns import split_turn
from headrace.settings import Models
from headrace.traffic.plans import Split
from headrace.types import ModelRef
from tests.fakes import signature
from tests.models.reconcile_bench import Answering, Bench


class Other(Answering):
    """Takes and gives something else."""

    signature = signature(datatype="FP64")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def stands(bench: Bench) -> int:
    return bench.registry.get(ModelRef("m")).version.version


async def served(bench: Bench, *versions: int) -> None:
    """Each comes in turn, and takes over."""
    for version in versions:
        bench.put(version)
        await bench.reconcile.load("m")
        await bench.reconcile.still()


async def test_a_changed_signature_is_refused_and_the_old_version_serves_on(bench: Bench) -> None:
    await served(bench, 1)
    bench.makes = Other
    bench.put(2)
    with pytest.raises(ModelInvalid, match="input 'x' is FP64"):
        await bench.reconcile.load("m")
    assert stands(bench) == 1
    assert bench.states() == [("m", 1, "READY"), ("m", 2, "UNAVAILABLE")]
    assert bench.told[-1] == "close m/2"


async def test_a_changed_signature_may_be_allowed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models=Models(allow_signature_change=True))
    await served(bench, 1)
    bench.makes = Other
    await served(bench, 2)
    assert stands(bench) == 2


async def test_a_version_that_takes_nobody_s_place_may_have_any_signature(bench: Bench) -> None:
    bench.put(2, policy='"all"')
    await bench.reconcile.load("m")
    bench.makes = Other
    bench.put(1, policy='"all"')
    await bench.refresh()
    assert bench.registry.versions("m") == [1, 2]


async def test_a_rollback_returns_to_the_version_served_before(bench: Bench) -> None:
    await served(bench, 1, 2)
    assert await bench.reconcile.roll_back("m") == 1
    await bench.reconcile.still()
    assert bench.registry.versions("m") == [1]
    assert bench.told[-3:] == ["build m/1", "drain m/2", "close m/2"]


async def test_the_order_in_which_a_start_loads_versions_is_nothing_to_go_back_by(tmp_path: Path) -> None:
    kept = tmp_path / "state"
    first = Bench(tmp_path / "models", state=State(kept))
    first.put(1, 2)
    await first.reconcile.start()
    await first.reconcile.steer("m", split_turn(Split({1: 0.9, 2: 0.1})))
    await first.reconcile.close()
    second = Bench(tmp_path / "models", state=State(kept))
    await second.reconcile.start()
    assert second.told == ["build m/1", "build m/2"]
    with pytest.raises(InvalidRequest, match="served by no other version before"):
        await second.reconcile.roll_back("m")
    await second.reconcile.close()


async def test_the_version_that_leaves_says_that_it_was_rolled_back_from(bench: Bench) -> None:
    await served(bench, 1, 2)
    await bench.reconcile.roll_back("m")
    await bench.reconcile.still()
    assert [(event.version, event.cause) for event in bench.events[-2:]] == [(2, "rolled back to version 1")] * 2


async def test_what_was_rolled_back_from_stays_away_until_a_load_or_a_newer_version(bench: Bench) -> None:
    await served(bench, 1, 2)
    await bench.reconcile.roll_back("m")
    await bench.refresh()
    assert stands(bench) == 1
    bench.put(3)
    await bench.refresh()
    assert stands(bench) == 3
    await bench.reconcile.roll_back("m")
    await bench.reconcile.load("m")
    assert stands(bench) == 3


async def test_rollbacks_go_back_step_by_step(bench: Bench) -> None:
    await served(bench, 1, 2, 3)
    assert [await bench.reconcile.roll_back("m") for _ in range(2)] == [2, 1]
    with pytest.raises(InvalidRequest, match="no other version before"):
        await bench.reconcile.roll_back("m")


async def test_a_version_that_is_still_served_takes_over_without_a_load(bench: Bench) -> None:
    bench.put(1, policy='"all"')
    await bench.reconcile.load("m")
    bench.put(2, policy='"all"')
    await bench.refresh()
    assert await bench.reconcile.roll_back("m") == 1
    await bench.reconcile.still()
    assert bench.told.count("build m/1") == 1
    assert bench.registry.versions("m") == [1]


async def test_a_rollback_that_cannot_be_leaves_what_is_served(bench: Bench) -> None:
    await served(bench, 1, 2)
    bench.broken.add("m/1")
    with pytest.raises(ModelInvalid, match="unknown operator"):
        await bench.reconcile.roll_back("m")
    assert stands(bench) == 2
    shutil.rmtree(bench.root / "m" / "1")
    with pytest.raises(ModelInvalid, match="version 1, which was served before, is no longer in the repository"):
        await bench.reconcile.roll_back("m")
    await bench.refresh()
    assert bench.registry.versions("m") == [2]


async def test_only_a_model_that_was_served_by_another_version_can_be_rolled_back(bench: Bench) -> None:
    await served(bench, 1)
    with pytest.raises(InvalidRequest, match="no other version before"):
        await bench.reconcile.roll_back("m")
    with pytest.raises(ModelNotFound):
        await bench.reconcile.roll_back("nobody")
