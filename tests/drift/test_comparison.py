"""A window against a reference, test by test."""

from typing import Any

import numpy as np
import pytest

from headrace.drift.comparison import Score, compare
from headrace.drift.reference import Reference, make_reference

Rows = np.ndarray[Any, np.dtype[np.float64]]
ALPHA = 1e-5


def reference(rows: Rows, names: list[str] | None = None) -> Reference:
    *_, made = make_reference(names or [f"X[{i}]" for i in range(rows.shape[1])], rows)
    assert made is not None
    return made


def scores(window: Rows, of: Reference, alpha: float = ALPHA) -> dict[tuple[str, str], Score]:
    names = [column.name for column in of.columns]
    return {(score.feature, score.test): score for some in compare(names, window, of, alpha) for score in some}


def crossed(window: Rows, of: Reference) -> set[tuple[str, str]]:
    return {key for key, score in scores(window, of).items() if score.crossed}


def normal(seed: int, rows: int, width: int = 1) -> Rows:
    return np.random.default_rng(seed).standard_normal((rows, width))


def test_rows_as_before_cross_nothing() -> None:
    assert not crossed(normal(2, 500, 20), reference(normal(1, 2000, 20)))


def test_a_shift_a_spread_and_a_new_form_are_found() -> None:
    kept = reference(normal(1, 2000))
    assert ("X[0]", "mean") in crossed(normal(2, 500) + 0.5, kept)
    assert ("X[0]", "psi") in crossed(normal(2, 500) * 2, kept)
    assert ("X[0]", "ks") in crossed(np.abs(normal(2, 500)) - 0.8, kept)


def test_values_beyond_the_range_are_found_where_there_are_several() -> None:
    kept, window = reference(normal(1, 2000)), normal(2, 500)
    window[0] = 50
    assert not crossed(window, kept)
    window[:12] = 50
    assert ("X[0]", "range") in crossed(window, kept)


def test_missing_values_are_found_and_the_others_still_compared() -> None:
    kept, window = reference(normal(1, 2000)), normal(2, 500)
    window[:20] = np.nan
    assert crossed(window, kept) == {("X[0]", "missing")}
    assert ("X[0]", "mean") in crossed(window + 0.6, kept)


def test_missing_values_that_were_usual_are_none() -> None:
    rows, window = normal(1, 2000), normal(2, 500)
    rows[::10], window[::10] = np.nan, np.nan
    assert not crossed(window, reference(rows))


def test_a_window_without_any_value_is_missing_alone() -> None:
    assert crossed(np.full((500, 1), np.nan), reference(normal(1, 2000))) == {("X[0]", "missing")}


def test_a_new_mix_of_categories_is_found() -> None:
    random = np.random.default_rng(1)
    kept = reference(random.choice(3, (2000, 1), p=[0.5, 0.3, 0.2]).astype(np.float64))
    assert not crossed(random.choice(3, (500, 1), p=[0.5, 0.3, 0.2]).astype(np.float64), kept)
    assert ("X[0]", "chi2") in crossed(random.choice(3, (500, 1), p=[0.2, 0.3, 0.5]).astype(np.float64), kept)


def test_a_category_that_was_never_there_is_out_of_range() -> None:
    window = np.ones((500, 1))
    window[:10] = 7
    assert ("X[0]", "range") in crossed(window, reference(np.ones((2000, 1))))


def test_vectors_are_compared_whole() -> None:
    names = [f"X~{k}" for k in range(8)]
    kept = reference(normal(1, 2000, 8), names)
    random = np.random.default_rng(3)
    alike = 0.8 * random.standard_normal((500, 1)) + 0.6 * random.standard_normal((500, 8))
    assert ("X", "mmd") in crossed(alike, kept)
    assert not crossed(normal(2, 500, 8), kept)


def test_rows_that_hang_together_are_worth_fewer() -> None:
    random = np.random.default_rng(4)
    series = random.standard_normal((2500, 1))
    for i in range(1, len(series)):
        series[i] += 0.9 * series[i - 1]
    free = reference(random.standard_normal((2000, 1)))
    alike = reference(series[:2000])
    key = ("X[0]", "ks")
    assert scores(series[2000:], alike)[key].threshold > 2 * scores(normal(5, 500), free)[key].threshold


def test_a_ratio_of_1_is_at_the_threshold() -> None:
    assert Score("X[0]", "ks", 0.2, 0.1, True).ratio == pytest.approx(2)
    assert Score("X[0]", "ks", 0.2, 0.0, False).ratio == 0


@pytest.mark.parametrize("kind", ["normal", "autoregressive", "skewed", "counts"])
def test_chance_crosses_about_as_seldom_as_asked_for(kind: str) -> None:
    alpha, windows, width = 1e-3, 40, 8
    random = np.random.default_rng(6)
    rows = random.standard_normal((2000 + 500 * windows, width))
    if kind == "autoregressive":
        for i in range(1, len(rows)):
            rows[i] += 0.5 * rows[i - 1]
    elif kind == "skewed":
        rows = np.exp(rows)
    elif kind == "counts":
        rows = random.poisson(4, rows.shape).astype(float)
    kept = reference(rows[:2000])
    found = [score for i in range(windows) for score in scores(rows[2000 + 500 * i :][:500], kept, alpha).values()]
    assert sum(score.crossed for score in found) <= 3 + 3 * alpha * len(found)
