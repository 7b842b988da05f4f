"""Dictionaries of classes become columns."""

from headrace.runtimes.class_maps import columns, with_classes
from headrace.types import FREE, TensorSpec

SPECS = (TensorSpec("label", "INT64", (FREE,)), TensorSpec("shares", "FP32", (FREE, FREE)))


def test_each_row_is_its_dictionarys_numbers() -> None:
    found = columns([{"a": 0.25, "b": 0.75}, {"a": 1.0, "b": 0.0}])
    assert (found.dtype.name, found.tolist()) == ("float32", [[0.25, 0.75], [1, 0]])


def test_no_rows_have_no_columns() -> None:
    assert columns([]).shape == (0, 0)


def test_the_first_rows_that_are_seen_say_which_classes_there_are() -> None:
    label, shares = with_classes(SPECS, {"shares": [{1: 0.5, 2: 0.5}]})
    assert (label, shares.shape, shares.labels) == (SPECS[0], (FREE, 2), ("1", "2"))
    assert with_classes((label, shares), {"shares": [{3: 1.0}]}) == (label, shares)


def test_without_rows_nothing_is_known() -> None:
    assert with_classes(SPECS, {"shares": []}) == SPECS
