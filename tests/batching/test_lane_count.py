"""How many lanes a model has where nobody says, and how that is kept."""

import os
from pathlib import Path

import pytest

from headrace.batching.lane_count import LITTLE, LaneCounts, lanes_for
from headrace.batching.latency_store import FRESH_S


@pytest.mark.parametrize(("half_takes", "lanes"), [(None, 1), (0.9, 2), (LITTLE, 2), (1.3, 1), (2.0, 1)])
def test_two_lanes_where_a_second_thread_is_of_little_use(half_takes: float | None, lanes: int) -> None:
    assert lanes_for(half_takes) == lanes


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    return tmp_path / "model.onnx"


def test_what_was_found_is_kept_for_that_model_and_machine(tmp_path: Path, model: Path) -> None:
    counts = LaneCounts(tmp_path / "cache")
    assert counts.read(model, ["onnx", 2]) is None
    counts.write(model, ["onnx", 2], 2)
    assert counts.read(model, ["onnx", 2]) == 2
    assert counts.read(model, ["onnx", 4]) is None
    model.write_bytes(b"others")
    assert counts.read(model, ["onnx", 2]) is None


def test_what_is_old_is_found_out_anew(tmp_path: Path, model: Path) -> None:
    counts = LaneCounts(tmp_path / "cache", wall_s=lambda: 10 * FRESH_S)
    counts.write(model, [], 1)
    (file,) = (tmp_path / "cache").iterdir()
    os.utime(file, (FRESH_S, FRESH_S))
    assert counts.read(model, []) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", "\0"])
def test_a_file_that_says_nothing_is_as_if_it_were_not_there(tmp_path: Path, model: Path, content: str) -> None:
    counts = LaneCounts(tmp_path / "cache")
    counts.write(model, [], 2)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text(content)
    assert counts.read(model, []) is None


def test_without_a_folder_nothing_is_kept(model: Path) -> None:
    counts = LaneCounts(None)
    counts.write(model, [], 2)
    assert counts.read(model, []) is None
    gone = LaneCounts(model / "below a file")
    gone.write(model, [], 2)
    assert gone.read(model, []) is None
