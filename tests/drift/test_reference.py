"""What is kept of rows that show what is usual."""

import numpy as np
import pytest

from headrace.drift.reference import Reference, make_column, make_reference, normal_scores


def reference(names: list[str], rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Reference:
    *_, made = make_reference(names, rows)
    assert made is not None
    return made


def test_a_continuous_feature_has_bins_that_hold_as_much() -> None:
    column = make_column("X[0]", np.random.default_rng(1).standard_normal(2000))
    assert column.counts.tolist() == [200] * 10
    assert column.scores is None


def test_a_feature_of_few_numbers_has_categories() -> None:
    column = make_column("X[0]", np.array([1.0, 2.0, 2.0] * 100))
    assert column.categories is not None
    assert (column.categories.tolist(), column.counts.tolist()) == ([1, 2], [100, 200])


def test_classes_are_categories_however_many() -> None:
    assert make_column("Y.class", np.arange(500.0)).categories is not None
    assert make_column("Y.score", np.arange(500.0)).categories is None


def test_a_skewed_feature_is_ranked() -> None:
    column = make_column("X[0]", np.exp(np.random.default_rng(1).standard_normal(2000)))
    assert column.scores is not None
    assert column.mean == pytest.approx(0, abs=1e-9)
    assert column.deviation == pytest.approx(1, abs=0.02)


def test_missing_values_are_counted() -> None:
    column = make_column("X[0]", np.array([np.nan, np.inf, 1.0, 2.0]))
    assert (column.missing, column.values.tolist()) == (2, [1, 2])


def test_a_feature_that_always_lacks_or_never_varies_is_none_the_less_one() -> None:
    assert make_column("X[0]", np.full(200, np.nan)).values.size == 0
    assert make_column("X[0]", np.full(200, 3.0)).categories is not None


def test_projections_are_kept_as_vectors_too() -> None:
    names = ["X.mean", *(f"X~{k}" for k in range(4))]
    made = reference(names, np.random.default_rng(1).standard_normal((500, 5)))
    assert list(made.kernels) == ["X"]
    assert not made.only(["X~0", "X~1"]).kernels
    assert made.only(names).kernels


def test_vectors_that_never_vary_are_not_compared_whole() -> None:
    assert not reference([f"X~{k}" for k in range(4)], np.ones((500, 4))).kernels


def test_only_some_features_are_asked_for() -> None:
    made = reference(["a", "b", "c"], np.random.default_rng(1).standard_normal((200, 3)))
    assert [column.name for column in made.only(["c", "x", "a"]).columns] == ["c", "a"]


def test_normal_scores_are_even_around_the_middle() -> None:
    scores = normal_scores(9)
    assert scores[9] == pytest.approx(0)
    assert scores[0] == pytest.approx(-scores[-1])
