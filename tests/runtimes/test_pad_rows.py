"""Rows of several lengths, as a model is probed with them."""

import numpy as np
import pytest

from headrace.runtimes.pad_axis import PadChoice
from headrace.runtimes.pad_rows import filled_up, groups, length_of
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


def test_one_row_is_longer_than_those_that_ran() -> None:
    assert max(length_of(TEXT, row) for group in groups(TEXT, text()) for row in group) == 64


def test_no_row_is_masked_from_its_beginning() -> None:
    for group in groups(TEXT, text()):
        assert all(row["mask"][0, 0] == 1 for row in group)


@pytest.mark.parametrize(("filling", "real"), [(0, 1), (1, 0)])
def test_a_mask_says_of_real_places_what_it_does_not_say_of_padding(filling: int, real: int) -> None:
    first = next(groups(TEXT._replace(values={"ids": 7, "mask": filling}), text()))
    assert all((row["mask"] == real).all() for row in first)


def test_numbers_of_each_sign_are_tried_where_no_mask_tells_padding() -> None:
    rows: Rows = [{"x": np.array([[-1.0, 2.0, 3.0, -4.0]]) * at} for at in (1, 2, 3)]
    signs = [{float(np.sign(row["x"]).max()) for row in group} for group in groups(PadChoice(1, {"x": 0}), rows)]
    assert {-1.0} in signs


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
