"""Rows to probe with: usual sizes first, names kept, the same every time."""

from itertools import islice

import numpy as np
import pytest

from headrace.runtimes.rows import FEW, MOST_ELEMENTS, Rows, example_rows, rows_to_try
from headrace.types import FREE, Shape, TensorSpec


def tried(*specs: TensorSpec, count: int = FEW) -> list[Rows]:
    return list(rows_to_try(specs, count))


def shapes(*specs: TensorSpec) -> list[tuple[Shape, ...]]:
    return list(dict.fromkeys(tuple(rows[0][spec.name].shape for spec in specs) for rows in tried(*specs)))


def test_every_row_has_one_row_and_its_datatype() -> None:
    specs = [TensorSpec(name, name, (FREE, 3)) for name in ("FP32", "FP16", "BF16", "INT8", "UINT64", "BOOL", "BYTES")]
    for rows in tried(*specs):
        assert len(rows) == FEW
        for row in rows:
            assert {name: array.shape for name, array in row.items()} == {spec.name: (1, 3) for spec in specs}
            assert row["BF16"].dtype == np.uint16
            assert isinstance(row["BYTES"][0, 0], bytes)


def test_rows_differ() -> None:
    for rows in tried(TensorSpec("x", "FP32", (FREE, 3))):
        assert not np.array_equal(rows[0]["x"], rows[1]["x"])


def test_rows_are_the_same_every_time() -> None:
    spec = TensorSpec("x", "FP32", (FREE, FREE))
    assert np.array_equal(tried(spec)[3][1]["x"], tried(spec)[3][1]["x"])


def test_whole_numbers_become_flags_where_larger_ones_do_not_run() -> None:
    largest = [max(int(row["x"].max()) for row in rows) for rows in tried(TensorSpec("x", "INT64", (FREE, 64)))]
    assert largest[0] > 1
    assert largest[1] == 1


def test_dimensions_of_one_name_have_one_size() -> None:
    a = TensorSpec("a", "FP32", (FREE, FREE), symbols=("batch", "tokens"))
    b = TensorSpec("b", "FP32", (FREE, 2, FREE), symbols=("n", "", "tokens"))
    assert all(first[1] == second[2] for first, second in shapes(a, b))


@pytest.mark.parametrize("symbol", ["", "?"])
def test_dimensions_without_a_name_may_differ(symbol: str) -> None:
    a, b = (TensorSpec(name, "FP32", (FREE, FREE), symbols=("", symbol)) for name in "ab")
    found = shapes(a, b)
    assert ((1, 64), (1, 64)) in found
    assert ((1, 64), (1, 1)) in found


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        ((FREE, 3, FREE, FREE), (1, 3, 64, 64)),
        ((FREE, FREE, FREE, 3), (1, 64, 64, 3)),
        ((FREE, 3, 48, FREE), (1, 3, 48, 64)),
        ((FREE, FREE, FREE, FREE), (1, 3, 64, 64)),
        ((FREE, FREE), (1, 16)),
    ],
)
def test_the_likeliest_size_is_tried_first(shape: Shape, first: Shape) -> None:
    assert shapes(TensorSpec("x", "FP32", shape))[0] == (first,)


def test_rows_stay_small() -> None:
    spec = TensorSpec("x", "FP32", (FREE, FREE, FREE, FREE, FREE))
    assert all(rows[0]["x"].size <= MOST_ELEMENTS for rows in islice(rows_to_try([spec], FEW), 20))


def test_inputs_that_can_only_be_equal_are_not_tried() -> None:
    assert tried(TensorSpec("x", "FP32", (FREE, 0))) == []


def test_the_rows_of_a_request_come_first() -> None:
    given = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert [row["x"].tolist() for row in next(example_rows({"x": given}))] == [[given[0].tolist()], [given[1].tolist()]]


def test_a_single_row_is_rolled() -> None:
    rows = next(example_rows({"x": np.array([[1, 2, 3]])}))
    assert [row["x"].tolist() for row in rows] == [[[1, 2, 3]], [[3, 1, 2]], [[2, 3, 1]]]


def test_a_row_of_equal_floats_is_disturbed() -> None:
    rows = next(example_rows({"x": np.zeros((1, 3), np.float32)}))
    assert rows[0]["x"].tolist() == [[0, 0, 0]]
    assert rows[1]["x"].any()
    assert rows[1]["x"].dtype == np.float32


def test_nothing_is_made_of_equal_whole_numbers() -> None:
    assert list(example_rows({"x": np.zeros((1, 3), np.int64)})) == []


def test_masks_and_types_are_flags_at_first_and_other_numbers_are_not() -> None:
    specs = [TensorSpec(name, "INT64", (FREE, 64)) for name in ("input_ids", "attention_mask", "token_type_ids")]
    first = tried(*specs)[0][0]
    assert [int(array.max()) > 1 for array in first.values()] == [True, False, False]


def test_every_combination_of_numbers_and_flags_is_tried() -> None:
    ids, lengths = TensorSpec("ids", "INT64", (FREE, 64)), TensorSpec("lengths", "INT64", (FREE, 64))
    found = {tuple(int(array.max()) > 1 for array in rows[0].values()) for rows in tried(ids, lengths)}
    assert found == {(True, True), (True, False), (False, True), (False, False)}


def test_floats_lie_in_the_unit_interval_where_others_do_not_run() -> None:
    lowest = [min(float(row["x"].min()) for row in rows) for rows in tried(TensorSpec("x", "FP32", (FREE, 64)))]
    assert lowest[0] < 0
    assert lowest[1] >= 0


def test_texts_have_more_and_more_words_or_are_one_number_each() -> None:
    several, single = (rows for rows in tried(TensorSpec("x", "BYTES", (FREE, 2))))
    assert [[len(text.split()) for text in row["x"][0]] for row in several] == [[1, 1], [2, 2], [3, 3]]
    assert all(text.isdigit() for row in single for text in row["x"][0])


def test_nothing_is_made_of_a_request_without_elements() -> None:
    assert list(example_rows({"x": np.zeros((2, 0), np.float32)})) == []


def test_what_is_not_finite_does_not_spoil_the_rest() -> None:
    rows = list(example_rows({"x": np.array([[np.nan, np.inf, 5.0]], np.float32)}))[-1]
    assert all(np.isfinite(row["x"][0, 2]) for row in rows)
