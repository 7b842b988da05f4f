"""What is served follows the repository's files."""

import shutil
from pathlib import Path

import pytest

from tests.models.reconcile_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_version_that_appears_is_loaded_and_takes_over(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    bench.put(2)
    await bench.refresh()
    assert bench.told == ["build m/1", "build m/2", "drain m/1", "close m/1"]
    assert bench.registry.versions("m") == [2]


async def test_a_version_that_goes_is_unloaded_and_forgotten(bench: Bench) -> None:
    bench.put(1, 2, policy='"all"')
    await bench.reconcile.start()
    shutil.rmtree(bench.root / "m" / "2")
    await bench.refresh()
    assert bench.states() == [("m", 1, "READY")]
    assert bench.told[2:] == ["drain m/2", "close m/2"]


async def test_a_model_that_goes_is_unloaded_and_one_that_comes_is_loaded(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    (bench.root / "m").rename(bench.root / "n")
    await bench.refresh("m")
    await bench.refresh("n")
    assert bench.states() == [("n", 1, "READY")]


async def test_what_did_not_change_is_left_alone(bench: Bench) -> None:
    bench.put(1, 2, policy='"all"')
    await bench.reconcile.start()
    (bench.root / "m" / "1" / "model.onnx").write_bytes(b"longer")
    await bench.refresh()
    assert bench.told[2:] == ["build m/1", "drain m/1", "close m/1"]
    await bench.refresh()
    assert len(bench.told) == 5


async def test_a_changed_model_toml_loads_anew_what_it_is_about(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    (bench.root / "m" / "model.toml").write_text("instances = 2\n")
    await bench.refresh()
    assert [manifest.instances for manifest in bench.built] == [None, 2]


async def test_a_fault_in_model_toml_leaves_what_is_served_and_is_told_until_it_is_put_right(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    toml = bench.root / "m" / "model.toml"
    toml.write_text("typo = 1")
    await bench.refresh()
    (status,) = bench.reconcile.index()
    assert status.state == "READY"
    assert "typo: unknown key" in status.reason
    assert status.reason.endswith("; the version loaded before goes on")
    toml.write_text("")
    await bench.refresh()
    assert [(status.state, status.reason) for status in bench.reconcile.index()] == [("READY", "")]


async def test_a_version_that_failed_is_tried_again_once_its_files_change(bench: Bench) -> None:
    bench.put(1)
    bench.broken.add("m/1")
    await bench.reconcile.start()
    await bench.refresh()
    assert bench.told == ["build m/1"]
    (bench.root / "m" / "1" / "model.onnx").write_bytes(b"whole")
    bench.broken.clear()
    await bench.refresh()
    assert bench.states() == [("m", 1, "READY")]


async def test_files_that_change_while_they_are_loaded_are_not_served(bench: Bench) -> None:
    bench.put(1)
    bench.while_building = lambda: (bench.root / "m" / "1" / "model.onnx").write_bytes(b"more")
    await bench.reconcile.start()
    assert bench.told == ["build m/1", "close m/1"]
    assert "changed while it was loaded" in bench.reconcile.index()[0].reason
    bench.while_building = lambda: None
    await bench.refresh()
    assert bench.states() == [("m", 1, "READY")]


async def test_what_a_request_unloaded_stays_so_until_a_request_loads_it(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    await bench.reconcile.unload("m")
    bench.put(2)
    await bench.refresh()
    assert bench.registry.versions("m") == []
    await bench.reconcile.load("m")
    assert bench.registry.versions("m") == [2]


async def test_what_a_load_sent_along_stays_until_the_next_load(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.load("m", {"max_batch_size": 7})
    bench.put(2)
    await bench.refresh()
    assert bench.registry.versions("m") == [1]
    await bench.reconcile.load("m")
    assert bench.registry.versions("m") == [2]


async def test_each_move_is_recorded_with_what_asked_for_it(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    bench.put(2)
    await bench.refresh()
    shutil.rmtree(bench.root / "m")
    await bench.refresh()
    moves = [(event.version, event.state, event.cause) for event in bench.events]
    assert moves == [
        (1, "LOADING", "wanted at the start"),
        (1, "READY", "wanted at the start"),
        (2, "LOADING", "its files changed"),
        (2, "READY", "its files changed"),
        (1, "UNLOADING", "no longer among the versions that are wanted"),
        (1, "UNAVAILABLE", "no longer among the versions that are wanted"),
        (2, "UNLOADING", "its files are gone"),
        (2, "UNAVAILABLE", "its files are gone"),
    ]


async def test_a_version_whose_files_are_gone_answers_until_another_takes_its_place(bench: Bench) -> None:
    bench.put(1)
    bench.put(2)
    await bench.reconcile.start()
    shutil.rmtree(bench.root / "m" / "2")
    await bench.refresh()
    assert bench.registry.versions("m") == [1]
    moves = [(event.version, event.state, event.cause) for event in bench.events][2:]
    assert moves == [
        (1, "LOADING", "its files changed"),
        (1, "READY", "its files changed"),
        (2, "UNLOADING", "its files are gone"),
        (2, "UNAVAILABLE", "its files are gone"),
    ]


async def test_a_version_whose_files_are_gone_goes_though_no_other_loads(bench: Bench) -> None:
    bench.put(1)
    bench.put(2)
    bench.broken.add("m/1")
    await bench.reconcile.start()
    shutil.rmtree(bench.root / "m" / "2")
    await bench.refresh()
    assert bench.registry.versions("m") == []


async def test_a_version_that_is_put_right_takes_the_place_of_the_one_that_stood_in_for_it(bench: Bench) -> None:
    bench.put(1, 2)
    bench.broken.add("m/2")
    await bench.reconcile.start()
    await bench.refresh()
    assert bench.told == ["build m/2", "build m/1"]
    bench.broken.clear()
    (bench.root / "m" / "2" / "model.onnx").write_bytes(b"whole")
    await bench.refresh()
    assert bench.states() == [("m", 1, "UNAVAILABLE"), ("m", 2, "READY")]


async def test_an_empty_folder_of_a_version_is_told_and_what_is_served_goes_on(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    (bench.root / "m" / "6").mkdir()
    await bench.refresh()
    assert bench.states() == [("m", 1, "READY"), ("m", 6, "UNAVAILABLE")]
    (bench.root / "m" / "6").rmdir()
    await bench.refresh()
    assert bench.states() == [("m", 1, "READY")]
    assert bench.told == ["build m/1"]
