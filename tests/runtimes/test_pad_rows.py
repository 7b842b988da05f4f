"""Rows of several lengths, as a model is probed with them."""

import numpy as np
import pytest

from headrace.runtimes.pad_axis import PadChoice
from headrace.runtimes.pad_rows import filled_up, groups, length_of, longer
from headrace.runtimes.rows import Rows

TEXT = PadChoice(1, {"ids": 7, "mask": 0}, "mask")


def text(length: int = 16) -> Rows:
    rng = np.random.default_rng(0)
    return [
        {"ids": rng.integers(0, 100, (1, length)), "mask": rng.integers(0, 2, (1, length)), "user": np.array([[at]])}
        for at in range(3)
    ]


def test_every_group_has_rows_of_several_lengths() -> None:
    for group in groups(TEXT, text()):
        assert len({length_of(TEXT, row) for row in group}) > 1


def test_rows_of_one_step_and_of_two_are_tried() -> None:
    assert {1, 2} <= {length_of(TEXT, row) for group in groups(TEXT, text()) for row in group}


def test_the_longest_row_comes_first_and_last() -> None:
    lengths = [[length_of(TEXT, row) for row in group] for group in groups(TEXT, text())]
    assert {of.index(16) == 0 for of in lengths} == {True, False}
    assert all(max(of) == 16 for of in lengths)


def test_short_rows_are_the_same_all_along() -> None:
    *short, _ = list(groups(TEXT, text()))[-1]
    assert all(len(set(row["ids"][0].tolist())) == 1 for row in short)


def test_each_step_is_tried_quiet_as_it_is_and_loud_and_with_the_other_sign() -> None:
    rows: Rows = [{"x": np.array([[1.0, 2.0, 4.0, 8.0]])} for _ in range(3)]
    _, *sizes = groups(PadChoice(1, {"x": 0}), rows)
    assert [sorted({float(row["x"][0, 0]) for row in short}) for *short, _ in sizes] == [
        [-2, -1, 1, 2],
        [-0.1, -0.05, 0.05, 0.1],
        [-40, -20, 20, 40],
    ]


def test_longer_and_longer_rows_are_tried_up_to_some_thousands() -> None:
    assert list(longer(TEXT, text()[0])) == [32, 64, 128, 256, 512, 1024, 2048, 4096]
    assert list(longer(TEXT, text(3000)[0])) == []


def test_no_row_is_masked_from_its_beginning() -> None:
    for group in groups(TEXT, text()):
        assert all(row["mask"][0, 0] == 1 for row in group)


@pytest.mark.parametrize(("filling", "real"), [(0, 1), (1, 0)])
def test_a_mask_says_of_real_places_what_it_does_not_say_of_padding(filling: int, real: int) -> None:
    first = next(groups(TEXT._replace(values={"ids": 7, "mask": filling}), text()))
    assert all((row["mask"] == real).all() for row in first)


def test_rows_are_laid_together_padded_to_the_longest() -> None:
    rows: Rows = [
        {"ids": np.array([[1, 2]]), "mask": np.array([[1, 1]]), "user": np.array([[5]])},
        {"ids": np.array([[3]]), "mask": np.array([[1]]), "user": np.array([[6]])},
    ]
    together = filled_up(TEXT, rows, {"ids": "INT64", "mask": "INT64", "user": "INT64"}, 3)
    assert {name: array.tolist() for name, array in together.items()} == {
        "ids": [[1, 2, 7], [3, 7, 7]],
        "mask": [[1, 1, 0], [1, 0, 0]],
        "user": [[5], [6]],
    }


def test_inputs_of_different_lengths_have_none() -> None:
    assert length_of(TEXT, {"ids": np.zeros((1, 3)), "mask": np.zeros((1, 4))}) == 0
