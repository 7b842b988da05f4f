"""Batches laid into slots, as what they were told of as."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import from_array
from headrace.batching.instance import Rows, Work
from headrace.types import Buffer
from headrace.workers import wire
from headrace.workers.layouts import Layouts
from headrace.workers.run_limit import RunLimit
from headrace.workers.slots import GRAIN_BYTES, Area, Slot


class Bench:
    """The server's end; what lies in a slot is read as a worker reads it."""

    def __init__(self) -> None:
        self.slots = [Slot.create(index) for index in range(2)]
        self.layouts = Layouts(RunLimit(0, 300))
        self._read = [Area(slot.inputs.fd) for slot in self.slots]

    def lay(self, *inputs: Rows, slot: int = 0, outputs: tuple[str, ...] = ()) -> list[bytes]:
        """What a worker finds in the slot."""
        self.layout = self.layouts.lay(self.slots[slot], Work(inputs, outputs))
        run = wire.decode_question(self.layout.message)
        assert isinstance(run, wire.Run)
        assert (run.slot, run.size, run.outputs) == (slot, self.layout.size, outputs)
        assert [part[:3] for part in map(_told, run.inputs)] == [_told(rows) for rows in inputs]
        return [bytes(tensor.data) for tensor in wire.tensors(run.inputs, self._read[slot].view(run.size))]


def _told(described: Rows | wire.Part) -> tuple[object, ...]:
    return described.name, described.datatype, described.shape


def rows(name: str, *parts: Buffer, datatype: str = "UINT8") -> Rows:
    return Rows(name, datatype, (sum(map(len, parts)),), list(parts))


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for slot in made.slots:
        slot.close()


def test_the_rows_of_several_requests_lie_end_to_end(bench: Bench) -> None:
    assert bench.lay(rows("x", b"ab", bytearray(b"c"), memoryview(b"_def")[1:])) == [b"abcdef"]


def test_a_batch_of_the_form_of_another_is_told_of_by_the_same_message(bench: Bench) -> None:
    bench.lay(rows("x", b"ab"), rows("y", b"c"))
    before = bench.layout
    assert bench.lay(rows("x", b"d", b"e"), rows("y", b"f")) == [b"de", b"f"]
    assert bench.layout is before


def test_each_slot_is_told_of_by_itself(bench: Bench) -> None:
    assert bench.lay(rows("x", b"ab")) == [b"ab"]
    assert bench.lay(rows("x", b"cd"), slot=1) == [b"cd"]
    assert bench.lay(rows("x", b"ef")) == [b"ef"]


def test_the_outputs_that_are_asked_for_are_told(bench: Bench) -> None:
    for outputs in ((), ("y",), ("y", "z"), ()):
        assert bench.lay(rows("x", b"ab"), outputs=outputs) == [b"ab"]


@given(
    st.lists(st.lists(st.lists(st.binary(max_size=300), max_size=3), min_size=1, max_size=3), min_size=1, max_size=8)
)
def test_whatever_came_before_each_input_is_what_was_laid(batches: list[list[list[bytes]]]) -> None:
    bench = Bench()
    for batch in batches:
        inputs = [rows(f"x{index}", *parts) for index, parts in enumerate(batch)]
        assert bench.lay(*inputs) == [b"".join(parts) for parts in batch]
    for slot in bench.slots:
        slot.close()


@pytest.mark.parametrize("size", [3, 70, 2 * GRAIN_BYTES])
def test_rows_that_are_longer_or_shorter_than_their_shape_says_lie_whole_all_the_same(bench: Bench, size: int) -> None:
    shape = (2, 2)
    bench.lay(Rows("x", "FP32", shape, [b"a" * 16]), rows("y", b"b"))
    found = bench.lay(Rows("x", "FP32", shape, [b"c" * size]), rows("y", b"d"))
    assert found == [b"c" * size, b"d"]
    assert bench.lay(Rows("x", "FP32", shape, [b"e" * 16]), rows("y", b"f")) == [b"e" * 16, b"f"]


def test_strings_of_one_shape_are_as_long_as_they_are(bench: Bench) -> None:
    for text in (b"a", b"longer", b""):
        tensor = from_array("x", np.array([text, b"-"], object))
        assert bench.lay(Rows("x", "BYTES", (2,), [tensor.data])) == [bytes(tensor.data)]


def test_a_slot_grows_with_its_batches(bench: Bench) -> None:
    for size in (1, 3 * GRAIN_BYTES, 5, 3 * GRAIN_BYTES, 9 * GRAIN_BYTES):
        data = os.urandom(size)
        assert bench.lay(rows("x", data)) == [data]
