"""The surface through what runs took."""

import json
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.cost_surface import CostSurface, fit, logarithm, nanoseconds, rising, within
from tests.batching.machines import took_ns


def surface(*runs: tuple[int, int, float]) -> CostSurface:
    made = CostSurface()
    for rows, length, ns in runs:
        made.add(rows, length, logarithm(ns))
    return made


def at(made: CostSurface, rows: int, length: int) -> float:
    return nanoseconds(made.log_ns(rows, length))


def test_a_knot_that_was_measured_stands_where_it_was() -> None:
    made = surface(*[(rows, length, took_ns(rows, length)) for rows in (1, 4, 16) for length in (8, 64)] * 3)
    assert at(made, 4, 64) == pytest.approx(took_ns(4, 64), rel=0.02)


def test_between_measured_knots_it_lies_near_the_line() -> None:
    made = surface(*[(rows, length, took_ns(rows, length)) for rows in (1, 4, 16) for length in (8, 64)] * 3)
    assert at(made, 3, 24) == pytest.approx(took_ns(3, 24), rel=0.1)


def test_a_size_that_is_off_the_line_takes_its_neighbours_with_it() -> None:
    sizes = [(rows, length) for rows in (1, 2, 4, 8, 16, 32) for length in (8, 32, 128)]
    usual = surface(*[(*size, took_ns(*size)) for size in sizes] * 3)
    odd = surface(*[(*size, took_ns(*size) * (1.5 if size == (4, 32) else 1.0)) for size in sizes] * 3)
    assert at(odd, 4, 32) > 1.3 * at(usual, 4, 32)
    assert at(odd, 4, 64) > 1.05 * at(usual, 4, 64)
    assert at(odd, 32, 128) == pytest.approx(at(usual, 32, 128), rel=0.15)


def test_a_knot_follows_the_median_of_its_runs() -> None:
    made = surface((1, 16, 1e6), (1, 16, 9e6), (1, 16, 1.1e6))
    assert at(made, 1, 16) == pytest.approx(1.1e6, rel=0.01)


def test_what_was_measured_once_is_not_forgotten_while_others_run() -> None:
    made = surface((16, 128, 50e6), *[(1, 16, 1e6)] * 500)
    assert at(made, 16, 128) == pytest.approx(50e6, rel=0.05)


def test_a_single_odd_run_moves_no_size_that_is_well_known() -> None:
    known = [(rows, length, took_ns(rows, length)) for rows in (1, 4) for length in (8, 64, 512)]
    made = surface(*known * 20, (1, 128, 20 * took_ns(1, 512)))
    for rows, length, ns in known:
        assert at(made, rows, length) == pytest.approx(ns, rel=0.05)
    assert at(made, 1, 128) <= at(made, 1, 512)


def test_one_run_says_that_larger_ones_take_more() -> None:
    made = surface((1, 16, 1e6))
    assert 1e6 < at(made, 32, 16) <= 32e6
    assert 1e6 < at(made, 1, 256) <= 256e6


def test_what_was_not_measured_gives_way_to_what_was() -> None:
    table = np.array([[1.0, 5.0, 2.0], [2.0, 4.0, 9.0]])
    measured = np.array([[True, False, False], [False, True, False]])
    assert within(table, measured).tolist() == [[1.0, 4.0, 2.0], [2.0, 4.0, 9.0]]


tables = st.lists(st.lists(st.floats(0, 20), min_size=4, max_size=4), min_size=1, max_size=4).map(np.array)


@given(tables)
def test_a_table_is_made_to_rise_and_a_rising_one_is_left(table: np.typing.NDArray[np.float64]) -> None:
    risen = rising(table)
    assert (np.diff(risen, axis=0) >= -1e-9).all()
    assert (np.diff(risen, axis=1) >= -1e-9).all()
    assert rising(risen) == pytest.approx(risen)


coefficients = st.lists(st.floats(0, 1e6), min_size=4, max_size=4).filter(lambda each: sum(each) > 1)


@given(coefficients)
def test_a_line_that_fits_is_found(line: list[float]) -> None:
    rows, length = (each.ravel() for each in np.meshgrid([1.0, 2, 4, 8, 16], [1.0, 4, 16, 64, 256]))
    terms = np.stack([np.ones_like(rows), rows, rows * length, rows * length**2], axis=1)
    times = terms @ np.array(line)
    found = terms @ fit(terms, times, np.ones_like(times))
    assert (fit(terms, times, np.ones_like(times)) >= 0).all()
    assert np.median(np.abs(found / times - 1)) < 0.05


@given(st.lists(st.floats(1, 1e9), min_size=6, max_size=6))
def test_no_coefficient_is_negative_whatever_was_measured(times: list[float]) -> None:
    terms = np.array([[1.0, r, r * n, r * n * n] for r in (1.0, 2.0, 8.0) for n in (4.0, 64.0)])
    assert (fit(terms, np.array(times), np.ones(6)) >= 0).all()


SIZES = [(rows, length) for rows in (1, 2, 4, 8, 16, 32) for length in (8, 32, 128)]


def test_a_size_whose_first_runs_were_held_up_takes_what_its_neighbours_say() -> None:
    made = surface(*[(*size, took_ns(*size) * (10.0 if size == (4, 32) else 1.0)) for size in SIZES] * 5)
    for size in SIZES:
        assert at(made, *size) == pytest.approx(took_ns(*size), rel=0.15)
    assert nanoseconds(made.measured_ns(4, 32)) == pytest.approx(took_ns(4, 32), rel=0.15)


def test_what_many_runs_say_of_a_size_is_believed_whatever_its_neighbours_say() -> None:
    odd = (4, 32)
    made = surface(*[(*size, took_ns(*size) * (4.0 if size == odd else 1.0)) for size in SIZES] * 20)
    assert nanoseconds(made.measured_ns(*odd)) == pytest.approx(4 * took_ns(*odd), rel=0.1)


@given(st.sampled_from(SIZES[:-1]), st.floats(3.0, 1000.0))
def test_a_size_that_was_held_up_spoils_no_other(held_up: tuple[int, int], times: float) -> None:
    made = surface(*[(*size, took_ns(*size) * (times if size == held_up else 1.0)) for size in SIZES] * 5)
    others = [size for size in SIZES if size[0] > held_up[0] and size[1] >= held_up[1]]
    for size in others:
        assert at(made, *size) < 1.3 * took_ns(*size)


def test_what_is_known_of_sizes_stays_where_it_was_at_first_however_often_it_is_kept_and_read() -> None:
    dice = Random(1)
    made = surface(*[(*size, took_ns(*size)) for size in SIZES] * 5)
    for _ in range(200):
        for rows in (1, 2, 4, 8) * 16:
            made.add(rows, 32, logarithm(took_ns(rows, 32) * dice.lognormvariate(0.0, 0.3)))
        made = CostSurface.from_json(json.loads(json.dumps(made.to_json())))
    assert at(made, 2, 32) == pytest.approx(took_ns(2, 32), rel=0.3)
    assert sorted(made.to_json())[0][4] == pytest.approx(logarithm(took_ns(1, 8)), abs=1e-3)


def test_what_is_kept_can_be_read_however_odd_the_times_were() -> None:
    made = CostSurface()
    for log_ns in (-3.0, 900.0):
        made.add(1, 8, log_ns)
        assert CostSurface.from_json(json.loads(json.dumps(made.to_json())))


def test_what_was_kept_without_what_it_was_at_first_is_that_itself() -> None:
    kept = surface(*[(*size, took_ns(*size)) for size in SIZES] * 5).to_json()
    again = CostSurface.from_json([each[:4] for each in kept]).to_json()
    assert sorted(again) == sorted([i, j, 4, level, level] for i, j, _, level, _ in kept)
