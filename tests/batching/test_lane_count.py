"""How many lanes a model has where nobody says, and how that is kept."""

import os
from pathlib import Path

import msgspec
import pytest

from headrace.batching.lane_count import LITTLE, ROOMY_MS, SOME, LaneCounts, instances_asked, lanes_asked, lanes_for
from headrace.batching.latency_store import FRESH_S
from headrace.settings import Batching, Workers
from headrace.types import Batching as Asked
from headrace.types import Manifest, Objective


@pytest.mark.parametrize(("half_takes", "lanes"), [(0.9, 2), (LITTLE, 2), (1.3, 1), (2.0, 1)])
def test_two_lanes_where_a_second_thread_is_of_little_use(half_takes: float, lanes: int) -> None:
    assert lanes_for(half_takes) == lanes


@pytest.mark.parametrize(
    ("half_takes", "objective_ms", "lanes"),
    [(1.5, ROOMY_MS, 2), (SOME, 100, 2), (1.5, ROOMY_MS - 1, 1), (1.7, 100, 1), (LITTLE, 20, 2)],
)
def test_an_objective_with_time_has_two_lanes_sooner(half_takes: float, objective_ms: float, lanes: int) -> None:
    assert lanes_for(half_takes, objective_ms) == lanes


@pytest.mark.parametrize(
    ("asked", "batching", "workers", "lanes", "instances"),
    [
        ({}, {}, {}, "auto", 1),
        ({"threads": 1}, {}, {}, 1, 1),
        ({"instances": 3}, {}, {}, 1, 3),
        ({}, {}, {"instances": 3}, 1, 3),
        ({}, {}, {"threads": 1}, 1, 1),
        ({}, {"lanes": 2}, {}, 2, 2),
        ({"threads": 1}, {"lanes": 2}, {}, 2, 2),
        ({"instances": 3}, {"lanes": 2}, {}, 1, 3),
        ({"lanes": 1}, {"lanes": 2}, {}, 1, 1),
        ({"lanes": 1}, {}, {"instances": 3}, 1, 1),
        ({"lanes": 2}, {}, {"instances": 3}, 2, 2),
        ({"lanes": 2}, {}, {"threads": 1}, 2, 2),
    ],
)
def test_what_a_model_says_goes_before_what_holds_for_all(
    asked: dict[str, int], batching: dict[str, int], workers: dict[str, int], lanes: str | int, instances: int
) -> None:
    of_model = msgspec.convert({"lanes": asked.get("lanes")}, Asked)
    threads, copies = asked.get("threads"), asked.get("instances")
    manifest = Manifest("m", 1, Path("m.onnx"), "onnx", batching=of_model, threads=threads, instances=copies)
    settings = msgspec.convert(batching, Batching), msgspec.convert(workers, Workers)
    assert lanes_asked(manifest, *settings, cores=4) == lanes
    assert instances_asked(manifest, *settings, cores=4) == instances


def test_on_one_core_nothing_is_to_be_found_out() -> None:
    assert lanes_asked(Manifest("m", 1, Path("m.onnx"), "onnx"), Batching(), Workers(), cores=1) == 1


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    return tmp_path / "model.onnx"


def test_what_was_found_is_kept_for_that_model_and_machine(tmp_path: Path, model: Path) -> None:
    counts = LaneCounts(tmp_path / "cache")
    assert counts.read(model, ["onnx", 2]) is None
    counts.write(model, ["onnx", 2], 1.2)
    assert counts.read(model, ["onnx", 2]) == 1.2
    assert counts.read(model, ["onnx", 4]) is None
    model.write_bytes(b"others")
    assert counts.read(model, ["onnx", 2]) is None


@pytest.fixture
def beside(tmp_path: Path, weights: bytes) -> Path:
    (tmp_path / "beside.onnx").write_bytes(weights)
    return tmp_path / "beside.onnx"


@pytest.mark.parametrize(
    ("name", "weights", "lanes"), [("m", b"Weights", 2), ("m", b"more weights", None), ("n", b"Weights", None)]
)
async def test_a_version_that_differs_by_its_weights_alone_has_as_many_lanes(
    tmp_path: Path, model: Path, beside: Path, name: str, lanes: int | None
) -> None:
    counts = LaneCounts(tmp_path / "cache")
    assert (await counts.found(Manifest("m", 1, model, "onnx"), [2], half_takes=1.0)).batching.lanes == 2
    assert (await counts.laid_out(Manifest(name, 2, beside, "onnx"), [2])).batching.lanes == lanes


def test_what_is_old_is_found_out_anew(tmp_path: Path, model: Path) -> None:
    counts = LaneCounts(tmp_path / "cache", wall_s=lambda: 10 * FRESH_S)
    counts.write(model, [], 1.0)
    (file,) = (tmp_path / "cache").iterdir()
    os.utime(file, (FRESH_S, FRESH_S))
    assert counts.read(model, []) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", "\0", '{"half_takes": "many"}'])
def test_a_file_that_says_nothing_is_as_if_it_were_not_there(tmp_path: Path, model: Path, content: str) -> None:
    counts = LaneCounts(tmp_path / "cache")
    counts.write(model, [], 2.0)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text(content)
    assert counts.read(model, []) is None


def test_without_a_folder_nothing_is_kept(model: Path) -> None:
    counts = LaneCounts(None)
    counts.write(model, [], 2.0)
    assert counts.read(model, []) is None
    gone = LaneCounts(model / "below a file")
    gone.write(model, [], 2.0)
    assert gone.read(model, []) is None


async def test_what_a_load_has_shown_is_where_the_next_one_begins(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    counts, manifest = LaneCounts(tmp_path / "cache"), Manifest("m", 1, model, "onnx")
    assert await counts.laid_out(manifest, ["cpu"]) is manifest
    assert (await counts.found(manifest, ["cpu"], 1.1)).batching.lanes == 2
    assert "m/1: a row takes 1.10 times as long with half of the threads: two lanes" in caplog.text
    assert (await counts.laid_out(manifest, ["cpu"])).batching.lanes == 2


async def test_what_was_found_counts_by_the_objective_of_whoever_asks(tmp_path: Path, model: Path) -> None:
    counts, manifest = LaneCounts(tmp_path / "cache"), Manifest("m", 1, model, "onnx")
    promising = msgspec.structs.replace(manifest, objective=Objective(p99_ms=100.0))
    assert (await counts.found(manifest, ["cpu"], 1.5)).batching.lanes == 1
    assert (await counts.laid_out(promising, ["cpu"])).batching.lanes == 2
