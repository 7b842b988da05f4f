"""What is served follows what is wanted, and a failure leaves what was served."""

import asyncio
from pathlib import Path

import pytest

from headrace.errors import (
    Forbidden,
    HeadraceError,
    InvalidRequest,
    ModelInvalid,
    ModelNotFound,
    ModelUnavailable,
    VersionNotFound,
)
from headrace.repository.uploads import MAX_FILES
from headrace.settings import Models
from headrace.types import ModelRef
from tests.models.reconcile_bench import Bench, Slow


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_the_start_loads_what_the_policy_wants(bench: Bench) -> None:
    bench.put(1, 2, 10)
    bench.put(1, 2, name="n", policy='"all"')
    await bench.reconcile.start()
    assert bench.registry.versions("m") == [10]
    assert bench.registry.versions("n") == [1, 2]


async def test_until_the_start_has_tried_a_model_it_is_unavailable_and_not_unknown(bench: Bench) -> None:
    bench.put(1, 2, policy='"all"')
    bench.registry.expect(None)
    refused: list[HeadraceError] = []

    def ask() -> None:
        for ref in (ModelRef("m", 1), ModelRef("x")):
            with pytest.raises(HeadraceError) as caught:
                bench.registry.get(ref)
            refused.append(caught.value)

    bench.while_building = lambda: None if bench.registry.versions("m") else ask()
    await bench.reconcile.start()
    assert [type(error) for error in refused] == [ModelUnavailable, ModelNotFound]
    with pytest.raises(VersionNotFound):
        bench.registry.get(ModelRef("m", 3))


async def test_a_model_that_does_not_load_is_told_with_its_reason_and_the_others_serve(bench: Bench) -> None:
    bench.put(1)
    bench.put(1, name="n")
    bench.broken.add("m/1")
    await bench.reconcile.start()
    assert bench.states() == [("m", 1, "UNAVAILABLE"), ("n", 1, "READY")]
    assert bench.reconcile.index()[0].reason == "unknown operator Foo"


async def test_where_the_highest_version_does_not_load_the_next_lower_one_is_served(bench: Bench) -> None:
    bench.put(1, 2, 3)
    bench.broken.add("m/3")
    await bench.reconcile.start()
    assert bench.states() == [("m", 2, "READY"), ("m", 3, "UNAVAILABLE")]
    assert bench.reconcile.index()[1].reason == "unknown operator Foo"


async def test_a_version_that_does_not_load_does_not_count_among_the_highest(bench: Bench) -> None:
    bench.put(1, 2, 3, 4, policy='"latest:2"')
    bench.broken.update(["m/3", "m/4"])
    await bench.reconcile.start()
    assert bench.registry.versions("m") == [1, 2]
    with pytest.raises(ModelInvalid, match="unknown operator Foo"):
        await bench.reconcile.load("m")
    await bench.reconcile.still()
    assert bench.registry.versions("m") == [1, 2]


async def test_where_no_version_loads_each_is_told_with_its_reason(bench: Bench) -> None:
    bench.put(1, 2)
    bench.broken.update(["m/1", "m/2"])
    await bench.reconcile.start()
    assert bench.states() == [("m", 1, "UNAVAILABLE"), ("m", 2, "UNAVAILABLE")]


async def test_a_version_that_was_named_has_no_other_in_its_place(bench: Bench) -> None:
    bench.put(1, 2, policy="[2]")
    bench.broken.add("m/2")
    await bench.reconcile.start()
    assert bench.states() == [("m", 2, "UNAVAILABLE")]


async def test_a_new_version_is_served_before_the_old_is_drained_and_closed(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    bench.put(2)
    await bench.reconcile.load("m")
    await bench.reconcile.still()
    assert bench.told == ["build m/1", "build m/2", "drain m/1", "close m/1"]
    assert bench.states() == [("m", 1, "UNAVAILABLE"), ("m", 2, "READY")]


async def test_a_new_version_that_does_not_load_leaves_the_old_serving(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    bench.put(2)
    bench.broken.add("m/2")
    with pytest.raises(ModelInvalid, match="unknown operator Foo"):
        await bench.reconcile.load("m")
    assert bench.registry.get(ModelRef("m")).version.version == 1
    assert bench.states() == [("m", 1, "READY"), ("m", 2, "UNAVAILABLE")]


async def test_loading_again_replaces_and_a_failure_keeps_what_was(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    await bench.reconcile.load("m")
    await bench.reconcile.still()
    assert bench.told == ["build m/1", "build m/1", "drain m/1", "close m/1"]
    bench.broken.add("m/1")
    with pytest.raises(ModelInvalid):
        await bench.reconcile.load("m")
    assert bench.states() == [("m", 1, "READY")]
    assert "the version loaded before goes on" in bench.reconcile.index()[0].reason


async def test_unloading_gives_everything_back(bench: Bench) -> None:
    bench.put(1, 2, policy='"all"')
    await bench.reconcile.start()
    await bench.reconcile.unload("m")
    assert bench.registry.versions("m") == []
    assert bench.states() == [("m", 1, "UNAVAILABLE"), ("m", 2, "UNAVAILABLE")]
    assert bench.told[2:] == ["drain m/1", "close m/1", "drain m/2", "close m/2"]


@pytest.mark.parametrize("name", ["nobody", "../m", "", "m/1"])
async def test_an_unknown_model_is_not_found(bench: Bench, name: str) -> None:
    bench.put(1)
    await bench.reconcile.start()
    with pytest.raises(ModelNotFound):
        await bench.reconcile.load(name)
    with pytest.raises(ModelNotFound):
        await bench.reconcile.unload(name)


async def test_two_loads_of_one_model_go_one_after_the_other(bench: Bench) -> None:
    bench.put(1)
    await asyncio.gather(bench.reconcile.load("m"), bench.reconcile.load("m"))
    await bench.reconcile.still()
    assert bench.told == ["build m/1", "build m/1", "drain m/1", "close m/1"]


async def test_a_configuration_sent_along_replaces_the_folders(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.load("m", {"max_batch_size": 7})
    assert bench.built[0].batching.max_size == 7


async def test_uploads_are_refused_unless_they_are_allowed(bench: Bench) -> None:
    bench.put(1)
    with pytest.raises(Forbidden, match=r"models\.uploads = true"):
        await bench.reconcile.load("m", files={"1/model.onnx": b"y"})


async def test_an_upload_is_served_from_a_folder_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path, uploads=True)
    await bench.reconcile.load("new", files={"3/model.onnx": b"y"})
    assert bench.registry.versions("new") == [3]
    path = bench.built[0].path
    assert path.read_bytes() == b"y"
    assert not path.is_relative_to(tmp_path)
    assert not (tmp_path / "new").exists()
    await bench.reconcile.close()
    assert not path.exists()


@pytest.mark.parametrize("path", ["../other/1/model.onnx", "/etc/x", "1/../../../x"])
async def test_an_upload_cannot_leave_its_folder(tmp_path: Path, path: str) -> None:
    bench = Bench(tmp_path, uploads=True)
    with pytest.raises(Forbidden, match="leaves the model's folder"):
        await bench.reconcile.load("new", files={path: b"y"})


@pytest.mark.parametrize("paths", [["1/a\0b"], ["1/" + "x" * 300], ["1", "1/model.onnx"]])
async def test_an_upload_that_cannot_be_written_is_the_callers_fault(tmp_path: Path, paths: list[str]) -> None:
    bench = Bench(tmp_path, uploads=True)
    with pytest.raises(InvalidRequest, match="cannot be written"):
        await bench.reconcile.load("new", files=dict.fromkeys(paths, b"y"))


async def test_an_upload_of_too_many_files_is_refused_before_any_is_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path, uploads=True)
    with pytest.raises(InvalidRequest, match=r"parameters: 1025 files are too many for one load; the most is 1024"):
        await bench.reconcile.load("new", files={f"1/{number}": b"" for number in range(MAX_FILES + 1)})
    assert bench.states() == []


async def test_an_upload_that_does_not_load_leaves_the_files_of_the_one_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path, uploads=True)
    await bench.reconcile.load("new", files={"3/model.onnx": b"y"})
    bench.broken.add("new/3")
    with pytest.raises(ModelInvalid):
        await bench.reconcile.load("new", files={"3/model.onnx": b"z"})
    before, failed = (manifest.path for manifest in bench.built)
    assert (before.read_bytes(), failed.exists()) == (b"y", False)
    await bench.reconcile.unload("new")
    assert not before.exists()


async def test_a_policy_that_no_version_meets_is_refused_and_leaves_what_was_served(bench: Bench) -> None:
    bench.put(1)
    await bench.reconcile.start()
    with pytest.raises(ModelInvalid, match="version 7"):
        await bench.reconcile.load("m", {"version_policy": {"specific": {"versions": [7]}}})
    assert bench.registry.versions("m") == [1]


async def test_closing_closes_every_version(bench: Bench) -> None:
    bench.put(1, 2, policy='"all"')
    await bench.reconcile.start()
    await bench.reconcile.close()
    assert sorted(bench.told[2:]) == ["close m/1", "close m/2"]


async def test_a_load_answers_once_it_is_published_while_the_old_still_finishes(bench: Bench) -> None:
    bench.put(1)
    bench.makes = Slow
    await bench.reconcile.start()
    old = bench.registry.get(ModelRef("m")).servable
    assert isinstance(old, Slow)
    bench.put(2)
    await bench.reconcile.load("m")
    assert bench.registry.get(ModelRef("m")).version.version == 2
    assert "close m/1" not in bench.told
    old.finished.set()
    await bench.reconcile.still()
    assert bench.told[-1] == "close m/1"


async def test_an_unload_answers_after_the_drain_or_at_once(bench: Bench) -> None:
    bench.put(1)
    bench.makes = Slow
    await bench.reconcile.start()
    old = bench.registry.get(ModelRef("m")).servable
    assert isinstance(old, Slow)
    await bench.reconcile.unload("m", wait=False)
    unloading = asyncio.create_task(bench.reconcile.unload("m"))
    await asyncio.sleep(0)
    assert not unloading.done()
    old.finished.set()
    await unloading
    assert bench.states() == [("m", 1, "UNAVAILABLE")]
    assert bench.told[-1] == "close m/1"


async def test_an_explicit_start_loads_what_is_named_and_tells_of_the_others(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models=Models(control="explicit", load="n, lost"))
    bench.put(1)
    bench.put(1, name="n")
    await bench.reconcile.start()
    assert bench.states() == [("lost", None, "UNAVAILABLE"), ("m", 1, "UNAVAILABLE"), ("n", 1, "READY")]
    assert [status.reason for status in bench.reconcile.index()][:2] == [
        "models.load or a request named it, and the repository does not have it",
        'not loaded: models.control is "explicit" and nobody asked for it',
    ]
    await bench.reconcile.load("m")
    assert bench.registry.versions("m") == [1]


async def test_where_only_files_decide_requests_are_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models=Models(control="watch"))
    bench.put(1)
    await bench.reconcile.start()
    with pytest.raises(Forbidden, match=r"models\.control"):
        await bench.reconcile.load("m")
    with pytest.raises(Forbidden, match=r"models\.control"):
        await bench.reconcile.unload("m")
