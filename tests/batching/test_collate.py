"""Rows go together into a run and come back to their owners."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.arrays import DATATYPES, filled, from_array, to_array
from headrace.batching.collate import join, split
from headrace.batching.instance import Work
from headrace.errors import Internal
from headrace.types import Bundle, ModelRef, PadAxis, Request, Shape, Tensor


class Item(NamedTuple):
    request: Request
    rows: int
    length: int = 0


def item(array: NDArray[np.generic], outputs: tuple[str, ...] = ()) -> Item:
    return Item(Request("", ModelRef("m"), (from_array("x", array),), outputs), array.shape[0])


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


class _Long(NamedTuple):
    """Requests of one or more rows each, of several lengths."""

    datatype: str
    axis: int
    shapes: list[Shape]
    value: int


@st.composite
def long_requests(draw: st.DrawFn) -> _Long:
    axis = draw(st.integers(1, 3))
    between = draw(st.lists(st.integers(1, 5), min_size=axis - 1, max_size=axis - 1))
    behind = draw(st.lists(st.integers(1, 3), max_size=2))
    sizes = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 12)), min_size=1, max_size=5))
    shapes = [(rows, *between, length, *behind) for rows, length in sizes]
    datatype = draw(st.sampled_from([name for name in DATATYPES if name != "BYTES"]))
    return _Long(datatype, axis, shapes, draw(st.integers(0, 1)))


def made(asked: _Long, shape: Shape, rng: np.random.Generator) -> NDArray[np.generic]:
    return rng.integers(0, 2 if asked.datatype == "BOOL" else 100, shape).astype(DATATYPES[asked.datatype])


@given(long_requests())
def test_rows_of_several_lengths_are_filled_up_to_the_longest_and_come_back_as_they_were(asked: _Long) -> None:
    rng = np.random.default_rng(0)
    arrays = [made(asked, shape, rng) for shape in asked.shapes]
    pad = PadAxis(asked.axis, {"x": asked.value}, {"x": (asked.axis,)})
    batch = [
        Item(
            Request("", ModelRef("m"), (from_array("x", array, asked.datatype),)),
            array.shape[0],
            array.shape[asked.axis],
        )
        for array in arrays
    ]
    longest = max(array.shape[asked.axis] for array in arrays)
    inputs = whole(join(batch, True, pad))
    start = 0
    for array in arrays:
        rows = to_array(inputs[0])[start : start + len(array)]
        real, rest = np.split(rows, [array.shape[asked.axis]], axis=asked.axis)
        np.testing.assert_array_equal(real, array)
        assert rows.shape[asked.axis] == longest
        np.testing.assert_array_equal(rest, filled(asked.datatype, asked.value, rest.shape))
        start += len(array)
    for array, outputs in zip(arrays, split(inputs, batch, pad), strict=True):
        assert outputs[0].shape == array.shape
        np.testing.assert_array_equal(to_array(outputs[0]), array)


def tokens(*lengths: int) -> list[Item]:
    """Requests of one row each: `ids`, all ones, and a `weight` that has no length."""
    return [
        Item(
            Request(
                "",
                ModelRef("m"),
                (from_array("ids", np.ones((1, length), np.int64)), from_array("weight", np.full((1, 2), length))),
            ),
            1,
            length,
        )
        for length in lengths
    ]


def test_an_input_without_the_axis_keeps_its_shape() -> None:
    ids, weight = whole(join(tokens(1, 3), True, PadAxis(1, {"ids": 0})))
    assert to_array(ids).tolist() == [[1, 0, 0], [1, 1, 1]]
    assert to_array(weight).tolist() == [[1, 1], [3, 3]]


def test_an_output_without_the_axis_is_not_cut_and_one_that_has_it_twice_is_cut_twice() -> None:
    pad = PadAxis(1, {"ids": 0}, {"pairs": (1, 2)})
    outputs = from_array("pairs", np.arange(18).reshape(2, 3, 3)), from_array("pooled", np.zeros((2, 3)))
    first, second = split(outputs, tokens(2, 3), pad)
    assert to_array(first[0]).tolist() == [[[0, 1], [3, 4]]]
    assert second[0].shape == (1, 3, 3)
    assert first[1].shape == second[1].shape == (1, 3)


def test_words_are_cut_to_each_rows_length() -> None:
    words = np.array([[b"a", b"bc", b""], [b"d", b"e", b"fgh"]], dtype=object)
    first, second = split((from_array("words", words),), tokens(1, 3), PadAxis(1, {"ids": 0}, {"words": (1,)}))
    assert to_array(first[0]).tolist() == [[b"a"]]
    assert to_array(second[0]).tolist() == [[b"d", b"e", b"fgh"]]


def test_rows_of_one_length_are_laid_together_where_they_are() -> None:
    batch = tokens(2, 2)
    rows = join(batch, True, PadAxis(1, {"ids": 0})).inputs[0]
    assert [id(part) for part in rows.parts] == [id(item.request.inputs[0].data) for item in batch]


def test_an_output_that_is_not_as_long_as_the_rows_is_a_fault_not_a_wrong_answer() -> None:
    pad = PadAxis(1, {"ids": 0}, {"y": (1,)})
    with pytest.raises(Internal, match=r"output 'y' has shape \[2, 4\] for rows of 3"):
        split((from_array("y", np.zeros((2, 4), np.float32)),), tokens(2, 3), pad)


def bundle_of(arrays: list[NDArray[np.generic]]) -> Item:
    """Requests of equally many rows that are asked as one."""
    (first, *_), rows = arrays, sum(array.shape[0] for array in arrays)
    tensor = Tensor("x", "FP32", (rows, *first.shape[1:]), b"")
    bundle = Bundle(["a"] * len(arrays), [0] * len(arrays), [(array.tobytes(),) for array in arrays], set())
    return Item(Request("", ModelRef("m"), (tensor,), bundle=bundle), rows)


@pytest.mark.parametrize("beside", [0, 2])
def test_requests_that_are_asked_as_one_lie_in_their_order(beside: int) -> None:
    arrays: list[NDArray[np.generic]] = [np.full((2, 3), at, np.float32) for at in range(3)]
    others: list[NDArray[np.generic]] = [np.full((1, 3), 7, np.float32)] * beside
    work = join([*map(item, others), bundle_of(arrays)], batched=True)
    np.testing.assert_array_equal(to_array(whole(work)[0]), np.concatenate([*others, *arrays]))


def test_an_input_is_found_by_its_name_also_among_those_that_are_asked_as_one() -> None:
    x, y = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    alone = Item(Request("", ModelRef("m"), (from_array("y", y), from_array("x", x))), 1)
    inputs = Tensor("x", "FP32", (2, 1), b""), Tensor("y", "FP32", (2, 1), b"")
    bundle = Bundle(["a", "b"], [0, 0], [(x.tobytes(), y.tobytes())] * 2, set())
    work = join([alone, Item(Request("", ModelRef("m"), inputs, bundle=bundle), 2)], batched=True)
    assert {tensor.name: to_array(tensor).tolist() for tensor in whole(work)} == {"y": [[0]] * 3, "x": [[1]] * 3}
