"""Runs that come again: inputs read where they lie, outputs laid where the last ones lay."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.arrays import from_array, to_array
from headrace.runtimes.runtime import Arrays
from headrace.types import FREE, BatchAxis, Signature, TensorSpec
from headrace.workers import wire
from headrace.workers.asked import Answer, Asked
from headrace.workers.slots import Area, Slot

SIGNATURE = Signature(
    (TensorSpec("x", "FP32", (FREE, 2)), TensorSpec("s", "BYTES", (FREE,))),
    (
        TensorSpec("y", "FP32", (FREE, 2)),
        TensorSpec("z", "INT64", (FREE,)),
        TensorSpec("t", "BYTES", (FREE,)),
        TensorSpec("r", "FP32", (FREE, 2, 1), model_shape=(FREE, 2)),
    ),
    BatchAxis(True, 8),
    "test",
    "test",
)
TIMES = wire.written_times(1, 2, 3)


class Bench:
    """A slot, and what the server finds in it."""

    def __init__(self) -> None:
        self.slot = Slot.create(0)
        self._read = Area(self.slot.outputs.fd)

    def asked(self, name: str, array: NDArray[np.generic]) -> Asked:
        tensor = from_array(name, array)
        size = len(tensor.data)
        self.slot.inputs.room(size)[:size] = tensor.data
        part = wire.Part(name, tensor.datatype, tensor.shape, 0, size)
        return Asked(self.slot, wire.Run(0, size, (part,), ()))

    def found(self, answer: Answer) -> dict[str, list[object]]:
        done = wire.decode_answer(answer.head + TIMES)
        assert isinstance(done, wire.Done)
        assert wire.read_times(done.times) == (1, 2, 3)
        tensors = wire.tensors(done.outputs, self._read.view(done.size))
        return {tensor.name: to_array(tensor).tolist() for tensor in tensors}


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.slot.close()


def floats(*rows: tuple[float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 2)


def told(results: Arrays) -> dict[str, list[object]]:
    return {name: array.tolist() for name, array in results.items()}


def test_inputs_are_read_once_and_are_what_lies_in_the_memory_now(bench: Bench) -> None:
    asked = bench.asked("x", floats((1, 2)))
    arrays = asked.read(SIGNATURE)
    assert asked.arrays is arrays
    bench.asked("x", floats((3, 4)))
    assert arrays["x"].tolist() == [[3, 4]]


def test_strings_are_read_for_each_run(bench: Bench) -> None:
    asked = bench.asked("s", np.array([b"a"], object))
    assert asked.read(SIGNATURE)["s"].tolist() == [b"a"]
    assert asked.arrays is None


def test_outputs_such_as_the_last_ones_are_laid_where_those_lay(bench: Bench) -> None:
    asked = bench.asked("x", floats((1, 2)))
    asked.answered(SIGNATURE, {"y": floats((1, 2)), "z": np.array([3])})
    again = {"y": floats((5, 6)), "z": np.array([7])}
    assert asked.answer is not None
    assert asked.answer.lay(again)
    assert bench.found(asked.answer) == told(again)


@pytest.mark.parametrize(
    "other",
    [
        {"y": floats((5, 6), (7, 8)), "z": np.array([7])},  # more rows
        {"y": floats((5, 6))},  # fewer outputs
        {"z": np.array([7]), "y": floats((5, 6))},  # in another order
        {"y": floats((5, 6)).astype(np.float64), "z": np.array([7])},  # of another type
        {"y": np.array([[5, 0, 6, 0]], np.float32)[:, ::2], "z": np.array([7])},  # not in one piece
        {"y": floats(), "z": np.zeros(0, np.int64)},  # no rows
    ],
)
def test_other_outputs_are_laid_anew(bench: Bench, other: Arrays) -> None:
    asked = bench.asked("x", floats((1, 2)))
    first = asked.answered(SIGNATURE, {"y": floats((1, 2)), "z": np.array([3])})
    assert not first.lay(other)
    assert bench.found(asked.answered(SIGNATURE, other)) == told(other)


def test_outputs_of_another_type_than_the_models_are_converted_each_time(bench: Bench) -> None:
    asked = bench.asked("x", floats((1, 2)))
    answer = asked.answered(SIGNATURE, {"y": np.array([[1, 2]], np.float64)})
    assert asked.answer is None
    assert bench.found(answer) == {"y": [[1, 2]]}


def test_answers_with_strings_are_not_laid_again(bench: Bench) -> None:
    asked = bench.asked("x", floats((1, 2)))
    results = {"t": np.array([b"one", b"two"], object), "z": np.array([1])}
    answer = asked.answered(SIGNATURE, results)
    assert asked.answer is None
    assert bench.found(answer) == told(results)


def test_an_output_whose_shape_is_configured_is_told_in_that_shape_again(bench: Bench) -> None:
    asked = bench.asked("x", floats((1, 2)))
    asked.answered(SIGNATURE, {"r": floats((1, 2))})
    assert asked.answer is not None
    assert asked.answer.lay({"r": floats((3, 4))})
    assert bench.found(asked.answer) == {"r": [[[3], [4]]]}


def test_outputs_that_need_more_memory_than_there_was_lie_whole(bench: Bench) -> None:
    asked = bench.asked("x", floats((1, 2)))
    asked.answered(SIGNATURE, {"z": np.array([1])})
    many = {"z": np.arange(100_000)}
    assert bench.found(asked.answered(SIGNATURE, many)) == told(many)
    few = {"z": np.array([2])}
    assert bench.found(asked.answered(SIGNATURE, few)) == told(few)
