"""Full windows of one side, compared with each reference."""

import numpy as np
import pytest

from headrace.drift.comparison import Score
from headrace.drift.reference import Reference, make_reference
from headrace.drift.side import Change, Side

Rows = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def normal(seed: int, rows: int) -> Rows:
    return np.random.default_rng(seed).standard_normal((rows, 1))


def side() -> Side:
    made = Side(["X[0]"], window=100, alpha=1e-4)
    *_, made.references["reference"] = made_reference()
    return made


def made_reference() -> list[Reference]:
    return [each for each in make_reference(["X[0]"], normal(1, 1000)) if each is not None]


def changes(of: Side, rows: Rows, from_ns: int = 0) -> list[Change]:
    return [each for each in of.add(rows, range(from_ns, from_ns + len(rows))) if each is not None]


def test_nothing_is_said_before_a_window_is_full() -> None:
    of = side()
    assert changes(of, normal(2, 99) + 3) == []
    assert of.windows == 0
    (change,) = changes(of, normal(3, 1) + 3, 99)
    assert (change.begins, change.began_ns, change.ended_ns) == (True, 0, 99)


def test_rows_of_several_windows_come_at_once() -> None:
    of = side()
    found = changes(of, np.concatenate([normal(2, 150) + 3, normal(3, 250)]))
    assert [change.begins for change in found] == [True, False]
    assert of.windows == 4
    assert of.current.shape == (100, 1)


def test_rows_that_come_one_by_one_are_the_same_window() -> None:
    together, apart, rows = side(), side(), normal(2, 100)
    changes(together, rows)
    for number, row in enumerate(rows):
        changes(apart, row[None], number)
    assert np.array_equal(together.current, rows)
    assert np.array_equal(apart.current, rows)


def test_vectors_are_a_feature_from_the_first_row() -> None:
    assert Side(["X~0", "X~1", "X.mean"], window=100, alpha=1e-4).features == ("X~0", "X~1", "X.mean", "X")


def test_each_reference_has_scores_of_its_own() -> None:
    of = side()
    of.references["previous"] = of.references["reference"]
    changes(of, normal(2, 100))
    assert {against for against, _, _ in of.scores} == {"reference", "previous"}


def test_what_was_found_on_the_way_counts_with_its_window() -> None:
    of = side()
    of.moved([Score("Y.score", "adwin", 2.0, 1.0, True)])
    (change,) = changes(of, normal(2, 100))
    assert change.crossing.score.test == "adwin"
    assert changes(of, normal(3, 100)) == []


def test_without_a_reference_windows_pass_in_silence() -> None:
    of = Side(["X[0]"], window=100, alpha=1e-4)
    assert changes(of, normal(2, 200) + 3) == []
    assert (of.windows, of.scores) == (2, {})


@pytest.mark.parametrize("cut", [1, 37, 100, 163])
def test_how_rows_are_cut_into_requests_changes_nothing(cut: int) -> None:
    rows = np.concatenate([normal(2, 200), normal(3, 300) + 1])
    one, other = side(), side()
    whole = changes(one, rows)
    parts = [change for start in range(0, 500, cut) for change in changes(other, rows[start : start + cut], start)]
    assert parts == whole != []
