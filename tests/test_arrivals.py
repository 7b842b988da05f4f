"""Arrivals: processes, lengths and traces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrivals import (
    POISSON,
    Arrival,
    Form,
    Gamma,
    Lengths,
    at_rate,
    lasts_s,
    make_arrivals,
    parse_lengths,
    parse_process,
    read_trace,
    trace_form,
    within,
    write_trace,
)

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8)
ARRIVALS = st.lists(
    st.builds(Arrival, st.integers(0, 10**9).map(lambda us: us / 1e6), st.integers(1, 64), st.integers(0, 9999), NAMES),
    min_size=1,
).map(lambda each: sorted(each, key=lambda arrival: arrival.offset_s))


@pytest.mark.parametrize("cv", [0.3, 1.0, 3.0])
def test_gaps_have_the_mean_and_the_deviation_that_were_asked_for(cv: float) -> None:
    gaps = Gamma(cv).gaps(50.0, 200_000, np.random.default_rng(1))
    assert gaps.mean() == pytest.approx(1 / 50, rel=0.03)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.03)


def test_a_steady_beat_has_equal_gaps() -> None:
    arrivals = make_arrivals(Gamma(0.0), 8.0, 1.0, seed=0)
    assert [each.offset_s for each in arrivals] == [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]


@given(st.integers(0, 100), st.sampled_from([0.5, 7.0, 300.0]), st.sampled_from([0.1, 3.0]))
def test_the_same_seed_gives_the_same_arrivals_all_within_the_duration(
    seed: int, rate: float, duration_s: float
) -> None:
    arrivals = make_arrivals(POISSON, rate, duration_s, seed=seed)
    assert arrivals == make_arrivals(POISSON, rate, duration_s, seed=seed)
    offsets = [each.offset_s for each in arrivals]
    assert offsets == sorted(offsets)
    assert all(0 <= each < duration_s for each in offsets)


def test_another_rate_has_the_same_lengths_in_the_same_order() -> None:
    lengths = parse_lengths("lognormal:24:0.8:5:256")
    slow, fast = (make_arrivals(POISSON, rate, 10.0, seed=4, lengths=lengths, rows=2) for rate in (5.0, 50.0))
    assert [each.length for each in slow] == [each.length for each in fast[: len(slow)]]
    assert {each.rows for each in slow} == {2}


def test_lengths_have_the_median_and_the_bounds_that_were_asked_for() -> None:
    drawn = parse_lengths("lognormal:24:0.8:5:256").draw(50_000, np.random.default_rng(0))
    assert np.median(drawn) == pytest.approx(24, abs=1)
    assert (min(drawn), max(drawn)) == (5, 256)
    assert set(parse_lengths("7").draw(10, np.random.default_rng(0))) == {7}


@pytest.mark.parametrize(
    ("text", "process"),
    [("poisson", POISSON), ("steady", Gamma(0.0)), ("gamma:2", Gamma(2.0)), ("gamma:.5", Gamma(0.5))],
)
def test_a_process_is_read(text: str, process: Gamma) -> None:
    assert parse_process(text) == process


@pytest.mark.parametrize(
    "text", ["", "gamma", "gamma:0", "gamma:-1", "gamma:nan", "gamma:1e-300", "gamma:x", "uniform", "poisson:2"]
)
def test_no_process_is_told_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match="gamma:"):
        parse_process(text)


@pytest.mark.parametrize(
    "text", ["", "0", "1.5", "-3", "lognormal", "lognormal:24", "lognormal:24:1:9", "lognormal:x:1"]
)
def test_no_distribution_is_told_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"lognormal:24:0\.8:5:256|at least 1"):
        parse_lengths(text)


def test_bounds_of_lengths_that_cross_are_told() -> None:
    with pytest.raises(ValueError, match="HIGH is not below LOW"):
        parse_lengths("lognormal:24:0.8:50:5")


def test_at_another_rate_a_trace_keeps_its_shape() -> None:
    trace = [Arrival(0.0), Arrival(1.0), Arrival(4.0)]
    faster = at_rate(trace, 3.0)
    assert [each.offset_s for each in faster] == pytest.approx([0.0, 0.25, 1.0])
    assert within(faster, 0.5) == faster[:2]


def test_a_trace_is_a_load_until_its_last_arrival_and_for_a_second_where_all_come_at_once() -> None:
    assert lasts_s([Arrival(0.0), Arrival(2.0)]) == pytest.approx(2.001)
    assert lasts_s([Arrival(0.0)]) == lasts_s([Arrival(0.0)] * 3) == 1.0


@given(ARRIVALS, st.sampled_from(["csv", "jsonl"]))
def test_what_is_written_is_read(arrivals: list[Arrival], form: Form) -> None:
    read = read_trace(write_trace(arrivals, form), form)
    assert [each.offset_s for each in read] == pytest.approx([each.offset_s for each in arrivals], abs=1e-6)
    assert [(each.rows, each.length, each.tenant) for each in read] == [
        (each.rows, each.length, each.tenant) for each in arrivals
    ]


def test_only_offsets_are_needed() -> None:
    assert read_trace("offset_s\n0.5\n1\n", "csv") == [Arrival(0.5), Arrival(1.0)]
    assert read_trace('{"offset_s": 2}\n\n{"offset_s": 3, "tenant": "a"}\n', "jsonl") == [
        Arrival(2.0),
        Arrival(3.0, tenant="a"),
    ]


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        ("", "csv", "line 1: the head line is offset_s,rows,length,tenant"),
        ("time\n1\n", "csv", "line 1: the head line"),
        ("offset_s,rows\n1,2\n2,x\n", "csv", "line 3: Expected `int`, got `str` - at `$.rows`"),
        ("offset_s,rows\n1\n", "csv", "line 2: 1 values under 2 names"),
        ("offset_s\nnan\n", "csv", "line 2: "),
        ("offset_s\ninf\n", "csv", "line 2: offset_s is inf"),
        ("offset_s\n1e300\n", "csv", "line 2: offset_s is 1e+300; it is seconds, at most 31,622,400"),
        ('{"offset_s": 1, "tenant": "a\\r\\nx-priority: 1"}\n', "jsonl", "it has 1 to 128 printable characters"),
        ("offset_s\n2\n1\n", "csv", "line 3: offset_s goes back from 2 to 1"),
        ("offset_s\n", "csv", "there is no arrival in it"),
        ('{"offset_s": 1}\n{"offset_s": -1}\n', "jsonl", "line 2: Expected `float` >= 0"),
        ('{"offset_s": 1, "size": 3}\n', "jsonl", "line 1: Object contains unknown field `size`"),
        ('{"rows": 1}\n', "jsonl", "line 1: Object missing required field `offset_s`"),
        ("nothing", "jsonl", "line 1: "),
    ],
)
def test_a_trace_that_cannot_be_read_names_its_line(text: str, form: Form, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        read_trace(text, form)
    assert message in str(refused.value)


def test_a_trace_is_known_by_its_name() -> None:
    assert (trace_form("a.csv"), trace_form("b/a.jsonl")) == ("csv", "jsonl")
    with pytest.raises(ValueError, match=r"a\.txt: a trace is a \.csv or a \.jsonl file"):
        trace_form("a.txt")


def test_lengths_stay_whole_and_within_bounds() -> None:
    assert Lengths(3.4).draw(3, np.random.default_rng(0)) == [3, 3, 3]
