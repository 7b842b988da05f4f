"""Rows of texts become texts one behind another, and their states rows again."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.errors import InputRefused
from headrace.runtimes.packed_texts import (
    ABSENT,
    HIDDEN,
    IDS,
    MASK,
    NOT_THERE,
    OUTPUT,
    SEEN,
    TYPES,
    PackedTexts,
    in_order,
)
from headrace.types import FREE, BatchAxis, PadAxis, TensorSpec
from tests.graphs.tiny import golden_checkpoint

HIDDEN_WIDTH = 2
KINDS = st.integers(1, 9).flatmap(
    lambda length: st.lists(
        st.lists(st.sampled_from([SEEN, HIDDEN, NOT_THERE]), min_size=length, max_size=length), min_size=1, max_size=5
    )
)


class Port:
    def __init__(self, name: str) -> None:
        self.any_name = name


class Graph:
    """States are a token's id and place; what it was given is kept."""

    inputs = tuple(map(Port, (IDS, "position_ids", TYPES, "begins", "seen")))

    def __init__(self) -> None:
        self.given: dict[str, NDArray[Any]] = {}

    def create_infer_request(self) -> "Graph":
        return self

    def infer(self, feed: dict[str, NDArray[Any]], share_inputs: bool) -> None:
        self.given = feed

    def get_output_tensor(self, index: int) -> "Graph":
        return self

    @property
    def data(self) -> NDArray[np.float32]:
        return np.stack([self.given[IDS], self.given["position_ids"]], axis=1).astype(np.float32)


class File:
    """What a file takes and gives."""

    inputs: tuple[TensorSpec, ...] = tuple(TensorSpec(name, "INT64", (FREE, FREE)) for name in (IDS, MASK, TYPES))
    outputs: tuple[TensorSpec, ...] = (TensorSpec(OUTPUT, "FP32", (FREE, FREE, HIDDEN_WIDTH)),)
    platform, runtime, coarse = "fake", "fake 1", True

    def run(self, arrays: Any, outputs: tuple[str, ...] = ()) -> Any:
        raise AssertionError("it is only asked what it takes")

    def close(self) -> None: ...


def model(**facts: Any) -> tuple[PackedTexts, Graph]:
    checkpoint = golden_checkpoint("bert")
    changed = {"vocabulary": 50, "max_context": 8, "hidden": HIDDEN_WIDTH, "types": True, **facts}
    architecture = msgspec.structs.replace(checkpoint.architecture, **changed)
    graph = Graph()
    return PackedTexts(File(), graph, msgspec.structs.replace(checkpoint, architecture=architecture), "ours"), graph


def arrays(mask: list[list[int]], **others: Any) -> dict[str, NDArray[np.generic]]:
    ids = np.arange(1, np.size(mask) + 1).reshape(np.shape(mask))
    return {IDS: ids, MASK: np.array(mask), TYPES: np.zeros_like(ids), **others}


@given(KINDS)
def test_tokens_lie_text_by_text_those_that_are_seen_first(kinds: list[list[int]]) -> None:
    laid = np.array(kinds, np.int8)
    at, counts, seen = in_order(laid)
    assert sorted(at.tolist()) == np.flatnonzero(laid.reshape(-1) != NOT_THERE).tolist()
    begin = 0
    for row, (count, visible) in enumerate(zip(counts, seen, strict=True)):
        there = at[begin : begin + count]
        begin += count
        assert set(there // laid.shape[1]) <= {row}
        of_text = laid.reshape(-1)[there].tolist()
        assert of_text == sorted(of_text)
        assert visible == (of_text.count(SEEN) or count)


def test_what_is_filled_up_is_not_computed_and_what_is_hidden_is() -> None:
    ours, graph = model()
    found = ours.run(arrays([[1, 1, ABSENT], [0, 1, 1]]))[OUTPUT]
    assert graph.given[IDS].tolist() == [1, 2, 5, 6, 4]
    assert graph.given["position_ids"].tolist() == [0, 1, 1, 2, 0]
    assert (graph.given["begins"].tolist(), graph.given["seen"].tolist()) == ([0, 2, 5], [2, 2])
    assert found[:, :, 0].tolist() == [[1, 2, 0], [4, 5, 6]]


def test_a_row_of_nothing_and_no_rows_are_computed_too() -> None:
    ours, _ = model()
    assert not ours.run(arrays([[ABSENT, ABSENT]]))[OUTPUT].any()
    assert ours.run(arrays([[1, 1]], **{name: np.zeros((0, 4), np.int64) for name in (IDS, MASK, TYPES)}))[
        OUTPUT
    ].shape == (0, 4, HIDDEN_WIDTH)
    assert ours.run({name: np.zeros((2, 0), np.int64) for name in (IDS, MASK, TYPES)})[OUTPUT].shape == (2, 0, 2)


def test_ids_below_zero_count_from_the_end_of_the_table() -> None:
    ours, graph = model()
    ours.run(arrays([[1, 1]], **{IDS: np.array([[-1, -50]])}))
    assert graph.given[IDS].tolist() == [49, 0]


@pytest.mark.parametrize(
    ("wrong", "where", "says"),
    [
        ({IDS: np.array([[1, 50]])}, IDS, "50"),
        ({IDS: np.array([[-51, 1]])}, IDS, "-51"),
        ({TYPES: np.array([[0, 9]])}, TYPES, "9"),
        ({MASK: np.array([[1, 1, 1]])}, MASK, "shape"),
        ({MASK: np.array([[1, -1]])}, MASK, "-1"),
        ({MASK: np.array([[2, 1]])}, MASK, "0 or 1"),
        ({IDS: np.array([1, 2])}, IDS, "shape"),
        ({name: np.ones((1, 9), np.int64) for name in (IDS, MASK, TYPES)}, IDS, "9 tokens"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(wrong: dict[str, Any], where: str, says: str) -> None:
    ours, _ = model()
    with pytest.raises(InputRefused) as refused:
        ours.run(arrays([[1, 1]], **wrong))
    assert refused.value.where == where
    assert says in refused.value.message


def test_an_input_that_lacks_is_named() -> None:
    ours, _ = model()
    with pytest.raises(InputRefused, match=TYPES):
        ours.run({IDS: np.ones((1, 2), np.int64), MASK: np.ones((1, 2), np.int64)})


def test_types_that_nothing_depends_on_may_be_any() -> None:
    ours, _ = model(types=False)
    assert ours.run(arrays([[1, 1]], **{TYPES: np.array([[7, 7]])}))[OUTPUT].shape == (1, 2, 2)


def test_rows_are_filled_up_with_what_is_left_out() -> None:
    ours, _ = model()
    pad = PadAxis(1, {IDS: 0, MASK: 0, TYPES: 0}, {OUTPUT: (1,)}, MASK)
    found = ours.packed(BatchAxis(True, 64, pad=pad)).pad
    assert found is not None
    assert (found.packed, found.values[MASK], found.values[IDS], found.lengths) == (True, ABSENT, 0, (1, 8))
    assert ours.packed(BatchAxis(True, 64)).pad is None
    without = msgspec.structs.replace(pad, mask="")
    assert ours.packed(BatchAxis(True, 64, pad=without)).pad == without
