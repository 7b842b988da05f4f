"""What half of the threads are worth to a small model, with a clock that the model moves."""

from collections.abc import Callable
from itertools import accumulate, cycle
from pathlib import Path

import pytest

from headrace.errors import InputRefused
from headrace.runtimes.runtime import Arrays
from headrace.runtimes.thread_gain import MOST_BYTES, half_takes
from headrace.types import FREE, TensorSpec
from tests.fakes import FakeClock

MS = 1_000_000


class Model:
    """Moves the clock as far as one says, and fails where that is None; takes rows of `width` only."""

    platform = runtime = "test"
    inputs: tuple[TensorSpec, ...] = (TensorSpec("x", "FP32", (FREE, FREE)),)
    outputs: tuple[TensorSpec, ...] = (TensorSpec("y", "FP32", (FREE, FREE)),)
    coarse = False

    def __init__(self, clock: FakeClock, takes_ns: int | None, width: int = 16) -> None:
        self.clock = clock
        self.takes_ns = takes_ns
        self.width = width
        self.runs = 0
        self.closed = False

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        self.runs += 1
        if self.takes_ns is None or arrays["x"].shape != (1, self.width):
            raise InputRefused("no")
        self.clock.time_ns += self.takes_ns
        return arrays

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self, folder: Path, whole_ns: int, half_ns: int | None, size: int = 10, width: int = 16) -> None:
        self.file = folder / "model.onnx"
        with self.file.open("wb") as file:
            file.truncate(size)
        self.clock = FakeClock()
        self.whole, self.half = Model(self.clock, whole_ns, width), Model(self.clock, half_ns, width)

    def half_takes(self, waited_ns: Callable[[], int] = lambda: 0) -> float | None:
        return half_takes(self.whole, self.file, lambda: self.half, self.clock.now_ns, waited_ns)


def test_the_same_row_is_run_with_all_threads_and_with_half(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MS, int(1.5 * MS))
    assert bench.half_takes() == 1.5
    assert bench.half.runs > 3
    assert bench.half.closed
    assert not bench.whole.closed


@pytest.mark.parametrize("whole_ns", [MS // 10, 6 * MS])
def test_a_run_that_is_very_short_or_long_is_not_tried(tmp_path: Path, whole_ns: int) -> None:
    bench = Bench(tmp_path, whole_ns, MS)
    assert bench.half_takes() is None
    assert bench.half.runs == 0


def test_a_large_file_or_one_that_is_gone_is_not_tried(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MS, MS, MOST_BYTES + 1)
    assert bench.half_takes() is None
    bench.file.unlink()
    assert bench.half_takes() is None


def test_sizes_are_tried_until_one_runs(tmp_path: Path) -> None:
    assert Bench(tmp_path, MS, MS, width=64).half_takes() == 1.0
    assert Bench(tmp_path, MS, MS, width=7).half_takes() is None


def test_a_model_that_cannot_be_run_is_served_without_the_trial(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MS, None)
    assert bench.half_takes() is None
    assert bench.half.closed


def test_no_more_time_is_spent_than_is_given(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MS, 80 * MS)
    assert bench.half_takes() is None
    assert bench.half.runs < 3


def test_runs_that_waited_for_a_core_tell_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MS, int(1.5 * MS))
    assert bench.half_takes(accumulate(cycle([MS])).__next__) is None


def test_pairs_between_which_others_had_the_cores_count(tmp_path: Path) -> None:
    """Of two readings about each pair, every second pair's differ."""
    bench = Bench(tmp_path, MS, int(1.5 * MS))
    assert bench.half_takes(accumulate(cycle([0, 0, 0, MS])).__next__) == 1.5
