"""Labels lead to versions that are ready, keep them, and are known to the next start."""

import shutil
from pathlib import Path

import pytest

from headrace.errors import HeadraceError, InvalidRequest, ModelInvalid, ModelUnavailable, VersionNotFound
from headrace.models.state import State
from headrace.types import ModelRef
from tests.fakes import signature
from tests.models.reconcile_bench import Answering, Bench


class Other(Answering):
    """Takes and gives something else."""

    signature = signature(datatype="FP64")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def answers(bench: Bench, label: str = "") -> int:
    return bench.registry.get(ModelRef("m", None, label)).version.version


async def test_a_label_loads_its_version_and_keeps_it_whatever_the_policy(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    await bench.reconcile.label("m", "canary", 1)
    assert (answers(bench), answers(bench, "canary")) == (2, 1)
    bench.put(3)
    await bench.refresh()
    assert bench.registry.versions("m") == [1, 3]


async def test_a_label_moves_only_once_the_new_version_is_ready_and_the_old_is_then_unloaded(bench: Bench) -> None:
    bench.put(1, 2, 3)
    await bench.reconcile.start()
    await bench.reconcile.label("m", "canary", 1)
    bench.broken.add("m/2")
    with pytest.raises(ModelInvalid):
        await bench.reconcile.label("m", "canary", 2)
    assert answers(bench, "canary") == 1
    bench.broken.clear()
    await bench.reconcile.label("m", "canary", 2)
    await bench.reconcile.still()
    assert answers(bench, "canary") == 2
    assert bench.registry.versions("m") == [2, 3]


async def test_a_label_does_not_move_to_what_its_clients_could_not_go_on_with(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    await bench.reconcile.label("m", "stable", 2)
    bench.makes = Other
    with pytest.raises(ModelInvalid, match="FP64"):
        await bench.reconcile.label("m", "stable", 1)
    assert answers(bench) == 2


async def test_stable_answers_requests_without_a_version_while_newer_versions_come(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    await bench.reconcile.label("m", "stable", 1)
    bench.put(2)
    await bench.refresh()
    assert (answers(bench), bench.registry.versions("m")) == (1, [1, 2])
    await bench.reconcile.label("m", "stable", 2)
    await bench.reconcile.still()
    assert (answers(bench), bench.registry.versions("m")) == (2, [2])
    assert await bench.reconcile.roll_back("m") == 1
    assert answers(bench, "stable") == 1


async def test_a_start_loads_the_stable_version_first_and_no_other_answers_for_it(bench: Bench) -> None:
    bench.put(1, 5)
    (bench.root / "m" / "model.toml").write_text("labels = { stable = 1 }")
    answered: list[int] = []
    bench.while_building = lambda: answered.extend(bench.registry.versions("m") and [answers(bench)])
    await bench.reconcile.start()
    assert bench.told == ["build m/1", "build m/5"]
    assert [*answered, answers(bench)] == [1, 1]
    with pytest.raises(InvalidRequest, match="served by no other version before"):
        await bench.reconcile.roll_back("m")


async def test_where_the_stable_version_does_not_load_none_answers_that_was_not_released(bench: Bench) -> None:
    bench.put(1, 5)
    (bench.root / "m" / "model.toml").write_text("labels = { stable = 1 }")
    bench.broken.add("m/1")
    await bench.reconcile.start()
    with pytest.raises(ModelUnavailable, match=r"'stable' is version 1, .* not ready \(UNAVAILABLE: unknown.*ready: 5"):
        answers(bench)
    assert bench.registry.get(ModelRef("m", 5)).version.version == 5


async def test_a_label_of_model_toml_whose_version_is_not_there_is_told_until_it_is(bench: Bench) -> None:
    bench.put(1)
    (bench.root / "m" / "model.toml").write_text("labels = { stable = 2 }")
    await bench.reconcile.start()
    assert bench.states() == [("m", 1, "READY"), ("m", 2, "UNAVAILABLE")]
    with pytest.raises(ModelUnavailable, match="'stable' is to lead to it, and the folder has only: 1"):
        answers(bench)
    (bench.root / "m" / "2").mkdir()
    (bench.root / "m" / "2" / "model.onnx").write_bytes(b"x")
    await bench.refresh()
    assert (answers(bench), bench.states()) == (2, [("m", 1, "UNAVAILABLE"), ("m", 2, "READY")])


async def test_what_answers_goes_on_where_a_new_label_stable_leads_to_what_does_not_load(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    bench.broken.add("m/1")
    (bench.root / "m" / "model.toml").write_text("labels = { stable = 1 }")
    await bench.refresh()
    assert answers(bench) == 2
    (bench.root / "m" / "3").mkdir()
    (bench.root / "m" / "3" / "model.onnx").write_bytes(b"x")
    await bench.refresh()
    assert (answers(bench), bench.registry.versions("m")) == (2, [2, 3])


async def test_a_label_that_is_taken_back_lets_its_version_go(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    await bench.reconcile.label("m", "canary", 1)
    await bench.reconcile.label("m", "canary", None)
    await bench.reconcile.still()
    assert bench.registry.versions("m") == [2]
    with pytest.raises(VersionNotFound, match="no label 'canary'; labels: none"):
        answers(bench, "canary")


async def test_labels_of_model_toml_are_followed_and_requests_go_before(bench: Bench) -> None:
    bench.put(1, 2, 3)
    toml = bench.root / "m" / "model.toml"
    toml.write_text("labels = { canary = 1 }")
    await bench.reconcile.start()
    assert answers(bench, "canary") == 1
    toml.write_text("labels = { canary = 2 }")
    await bench.refresh()
    assert (answers(bench, "canary"), bench.registry.versions("m")) == (2, [2, 3])
    await bench.reconcile.label("m", "canary", 3)
    assert answers(bench, "canary") == 3
    await bench.reconcile.still()
    bench.broken.add("m/2")
    with pytest.raises(ModelInvalid):
        await bench.reconcile.label("m", "canary", None)
    assert answers(bench, "canary") == 3
    bench.broken.clear()
    await bench.reconcile.label("m", "canary", None)
    assert answers(bench, "canary") == 2
    with pytest.raises(InvalidRequest, match=r"set by model\.toml"):
        await bench.reconcile.label("m", "canary", None)


async def test_a_label_keeps_a_version_whose_files_are_gone(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    await bench.reconcile.label("m", "stable", 1)
    shutil.rmtree(bench.root / "m" / "1")
    await bench.refresh()
    assert answers(bench) == 1
    assert bench.reconcile.index()[0].reason == "its files are gone; a label or a split keeps it"
    assert (bench.events[-1].cause, bench.events[-1].goes_on) == ("its files are gone", True)


async def test_a_version_that_model_toml_labels_serves_on_where_its_files_are_gone(bench: Bench) -> None:
    bench.put(1, 2)
    (bench.root / "m" / "model.toml").write_text("labels = { canary = 1 }")
    await bench.reconcile.start()
    shutil.rmtree(bench.root / "m" / "1")
    await bench.refresh()
    assert answers(bench, "canary") == 1
    assert bench.reconcile.index()[0].reason == "its files are gone; a label or a split keeps it"


async def test_a_new_version_that_fails_leaves_the_one_that_answers_beside_a_labelled_one(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    await bench.reconcile.label("m", "canary", 1)
    bench.put(3)
    bench.broken.add("m/3")
    await bench.refresh()
    assert (answers(bench), answers(bench, "canary")) == (2, 1)


@pytest.mark.parametrize(
    ("label", "version", "message"),
    [
        ("v3", 1, "is no label"),
        ("Stable", 1, "is no label"),
        ("canary", 7, "no version 7 to load; there are: 1"),
        ("canary", None, "no label 'canary'"),
    ],
)
async def test_what_cannot_be_labelled_is_refused(bench: Bench, label: str, version: int | None, message: str) -> None:
    bench.put(1)
    await bench.reconcile.start()
    with pytest.raises(HeadraceError, match=message):
        await bench.reconcile.label("m", label, version)


async def test_an_unloaded_model_keeps_its_labels_for_the_next_load(bench: Bench) -> None:
    bench.put(1, 2)
    await bench.reconcile.start()
    await bench.reconcile.label("m", "canary", 1)
    await bench.reconcile.unload("m")
    assert bench.registry.versions("m") == []
    with pytest.raises(InvalidRequest, match="was unloaded"):
        await bench.reconcile.label("m", "canary", 2)
    await bench.reconcile.load("m")
    assert (answers(bench), answers(bench, "canary")) == (2, 1)


async def test_the_next_start_has_the_labels_the_rollback_and_what_was_unloaded(tmp_path: Path) -> None:
    kept = tmp_path / "state"
    first = Bench(tmp_path / "models", state=State(kept))
    first.put(1, 2)
    first.put(1, name="n")
    first.put(1, 2, name="o")
    await first.reconcile.start()
    await first.reconcile.label("m", "stable", 1)
    await first.reconcile.unload("n")
    await first.reconcile.label("o", "canary", 1)
    await first.reconcile.label("o", "canary", None)
    await first.reconcile.close()
    second = Bench(tmp_path / "models", state=State(kept))
    await second.reconcile.start()
    assert (answers(second), second.registry.versions("m")) == (1, [1, 2])
    assert second.registry.versions("n") == []
    assert [status.reason for status in second.reconcile.index() if status.name == "n"] == [
        "a request unloaded it; a load request brings it back"
    ]
    assert second.registry.versions("o") == [2]
    await second.reconcile.close()
