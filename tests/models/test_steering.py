"""Versions are loaded before they are shared in, and kept for as long as that is wished."""

import shutil
from pathlib import Path

import msgspec
import pytest

from headrace.errors import HeadraceError, InvalidRequest, ModelInvalid
from headrace.generation import LanguageFacts
from headrace.models.moves import Moves
from headrace.models.registry import Served
from headrace.settings import Models
from headrace.traffic.plans import Gates, Rollout, Shadow, Split
from headrace.types import Context, ModelRef
from tests.fakes import signature
from tests.models.reconcile_bench import Answering, Bench

LANGUAGE = LanguageFacts("llama", ("generate",), 2048, 100, 0, "int8", True)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def chosen(bench: Bench) -> int:
    return bench.registry.route(ModelRef("m"), Context(0)).version.version


async def test_a_split_loads_its_versions_and_keeps_them_whatever_the_policy(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    await Moves(bench.reconcile).split("m", Split({1: 1.0, 2: 0.0}))
    assert (chosen(bench), bench.registry.versions("m")) == (1, [1, 2])
    bench.put(3)
    await bench.refresh()
    assert bench.registry.versions("m") == [1, 2, 3]
    await Moves(bench.reconcile).split("m", None)
    await bench.reconcile.still()
    assert (chosen(bench), bench.registry.versions("m")) == (3, [3])


async def test_nothing_changes_where_a_version_does_not_load(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    bench.broken.add("m/1")
    with pytest.raises(ModelInvalid):
        await Moves(bench.reconcile).split("m", Split({1: 1.0}))
    assert (chosen(bench), bench.registry.versions("m")) == (2, [2])


async def test_a_rollout_goes_up_and_its_end_is_what_answers(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    bench.put(2, policy="[1]")
    await bench.refresh()
    assert bench.registry.versions("m") == [1]
    moves, rollout = Moves(bench.reconcile), Rollout(1, 2, (0.0001, 1.0))
    await moves.begin("m", rollout)
    assert (set(bench.registry.shares("m")), bench.registry.versions("m")) == ({1, 2}, [1, 2])
    await moves.go_to("m", rollout, 1)
    assert chosen(bench) == 2
    running = bench.registry.plans("m").rollout
    assert running is not None
    await moves.finish("m", running)
    await bench.reconcile.still()
    assert (chosen(bench), bench.registry.labels("m")) == (2, {"stable": 2})
    assert await bench.reconcile.roll_back("m") == 1


@pytest.mark.parametrize("beside", ["shadow", "rollout"])
async def test_a_higher_version_that_comes_beside_another_does_not_answer_for_it(
    bench: Bench, beside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.put(1)
    await bench.reconcile.start()
    bench.put(2, policy="[1]")
    await bench.refresh()
    moves, publish, answered = Moves(bench.reconcile), bench.registry.publish, list[int]()

    def published(served: Served) -> None:
        publish(served)
        answered.append(chosen(bench))

    monkeypatch.setattr(bench.registry, "publish", published)
    if beside == "shadow":
        await moves.shadow("m", Shadow(2))
    else:
        await moves.begin("m", Rollout(0, 2, (1e-9, 1.0)))
    assert (answered, chosen(bench), bench.registry.versions("m")) == ([1], 1, [1, 2])


async def test_a_version_that_is_refused_once_it_is_loaded_leaves_again(bench: Bench) -> None:
    class Talking(Answering):
        signature = msgspec.structs.replace(signature(), language=LANGUAGE)

    bench.makes = Talking
    bench.put(1)
    await bench.reconcile.start()
    bench.put(2, policy="[1]")
    await bench.refresh()
    with pytest.raises(InvalidRequest, match="language model"):
        await Moves(bench.reconcile).shadow("m", Shadow(2))
    assert (chosen(bench), bench.registry.versions("m")) == (1, [1])


async def test_a_rollout_is_rolled_back_even_where_the_repository_is_gone(bench: Bench) -> None:
    bench.put(1, 2, policy='"latest:1"')
    await bench.reconcile.start()
    moves = Moves(bench.reconcile)
    await moves.begin("m", Rollout(0, 1, (1.0,)))
    assert chosen(bench) == 1
    shutil.rmtree(bench.root)
    await moves.back("m", None)
    assert chosen(bench) == 2


async def test_an_unloaded_model_has_no_rollout_and_keeps_its_split(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    moves = Moves(bench.reconcile)
    await moves.begin("m", Rollout(0, 1, (1.0,)))
    with pytest.raises(InvalidRequest, match="a rollout from version 2 to 1 runs"):
        await bench.reconcile.roll_back("m")
    await bench.reconcile.unload("m")
    assert bench.registry.plans("m").rollout is None
    await bench.reconcile.load("m")
    await moves.split("m", Split({1: 1.0}))
    await bench.reconcile.unload("m")
    with pytest.raises(InvalidRequest, match="was unloaded"):
        await moves.shadow("m", Shadow(1))
    await bench.reconcile.load("m")
    assert (chosen(bench), bench.registry.versions("m")) == (1, [1, 2])


async def test_a_split_and_a_rollout_do_not_stand_beside_each_other(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    moves = Moves(bench.reconcile)
    await moves.split("m", Split({1: 0.5, 2: 0.5}))
    with pytest.raises(InvalidRequest, match="take it away first, with DELETE"):
        await moves.begin("m", Rollout(0, 1, (1.0,)))
    await moves.split("m", None)
    await moves.begin("m", Rollout(0, 1, (1.0,)))
    with pytest.raises(InvalidRequest, match="a rollout from version 2 to 1 runs"):
        await moves.split("m", Split({1: 0.5, 2: 0.5}))


async def test_a_version_that_is_not_there_is_named_by_its_field(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    moves = Moves(bench.reconcile)
    with pytest.raises(InvalidRequest, match=r"weights\.7: model 'm' has no version 7 to load; there are: 1"):
        await moves.split("m", Split({7: 1.0}))
    with pytest.raises(InvalidRequest, match="version: model 'm' has no version 7"):
        await moves.shadow("m", Shadow(7))
    with pytest.raises(HeadraceError, match="nobody"):
        await moves.split("nobody", Split({1: 1.0}))


async def test_texts_are_not_compared(bench: Bench) -> None:
    class Talking(Answering):
        signature = msgspec.structs.replace(signature(), language=LANGUAGE)

    bench.makes = Talking
    bench.put(1, 2)
    await bench.reconcile.start()
    with pytest.raises(InvalidRequest, match=r"gates\.compare: version 1 of 'm' is a language model"):
        await Moves(bench.reconcile).begin("m", Rollout(0, 1, (1.0,), gates=Gates(compare=1.0)))


async def test_requests_change_nothing_where_only_files_load_models(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models=Models(control="watch"))
    bench.put(1)
    await bench.reconcile.start()
    with pytest.raises(HeadraceError, match=r"models\.control"):
        await Moves(bench.reconcile).split("m", Split({1: 1.0}))
