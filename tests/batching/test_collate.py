"""Rows go together into a run and come back to their owners."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import from_array, to_array
from headrace.batching.check import Checked
from headrace.batching.collate import join, split
from headrace.batching.instance import Work
from headrace.batching.queue import Waiting
from headrace.errors import Internal
from headrace.types import ModelRef, Request, Tensor
from tests.fakes import Got


def item(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], outputs: tuple[str, ...] = ()) -> Waiting:
    request = Request("", ModelRef("m"), (from_array("x", array),), outputs)
    return Waiting(request, Checked(array.shape[0], ()), Got(), 0)


def whole(work: Work) -> tuple[Tensor, ...]:
    return tuple(Tensor(rows.name, rows.datatype, rows.shape, b"".join(rows.parts)) for rows in work.inputs)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.lists(st.integers(0, 3), max_size=2))
def test_each_request_gets_its_own_rows_back(rows: list[int], shape: list[int]) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.random((count, *shape)) for count in rows]
    batch = [item(array) for array in arrays]
    for array, outputs in zip(arrays, split(whole(join(batch, batched=True)), batch), strict=True):
        np.testing.assert_array_equal(to_array(outputs[0]), array)


@given(st.lists(st.lists(st.binary(max_size=5), min_size=1, max_size=3), min_size=1, max_size=4))
def test_strings_of_any_length_come_back_to_their_owners(values: list[list[bytes]]) -> None:
    arrays = [np.array(row, dtype=object) for row in values]
    batch = [item(array) for array in arrays]
    for array, outputs in zip(arrays, split(whole(join(batch, batched=True)), batch), strict=True):
        assert to_array(outputs[0]).tolist() == array.tolist()


def test_one_that_asks_for_all_outputs_makes_the_run_give_all() -> None:
    array = np.zeros((1, 1), np.float32)
    assert join([item(array, ("y",)), item(array, ("z",))], batched=True).outputs == ("y", "z")
    assert join([item(array, ("y",)), item(array)], batched=True).outputs == ()


def test_a_request_gets_only_the_outputs_it_asked_for_in_its_order() -> None:
    array = np.zeros((1, 1), np.float32)
    batch = [item(array, ("z", "y")), item(array)]
    outputs = tuple(from_array(name, np.zeros((2, 1), np.float32)) for name in ("y", "z"))
    first, second = split(outputs, batch)
    assert [tensor.name for tensor in first] == ["z", "y"]
    assert [tensor.name for tensor in second] == ["y", "z"]


def test_outputs_with_other_rows_than_the_batch_are_a_fault_not_a_wrong_answer() -> None:
    array = np.zeros((1, 1), np.float32)
    batch = [item(array), item(array)]
    with pytest.raises(Internal, match=r"output 'y' has shape \[1\] for a batch of 2 rows"):
        list(split((from_array("y", np.zeros(1, np.float32)),), batch))
