"""What the flags of verbs that make load have in common."""

from argparse import Namespace
from pathlib import Path

import pytest

from headrace.arrivals import POISSON, Arrival
from headrace.cli.failure import Failure
from headrace.cli.load_flags import check_between, check_search, check_together, numbers, rate_of, read_arrivals


def test_a_list_of_numbers_is_read() -> None:
    assert numbers("--rate", "50,1e2", 1000) == [50.0, 100.0]


@pytest.mark.parametrize("text", ["", "0", "5,,6", "nan", "1001", "many"])
def test_what_is_no_number_in_range_is_named(text: str) -> None:
    with pytest.raises(Failure, match=r"--rate .* is not a number above 0, up to 1,000"):
        numbers("--rate", text, 1000)


def test_a_trace_gives_arrivals_and_the_rate_that_they_came_at(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("offset_s,rows,length,tenant\n0,1,8,\n2,1,9,\n")
    process, trace = read_arrivals(Namespace(arrivals=f"trace:{file}", lengths=None, rows=1))
    assert process is POISSON
    assert [each.length for each in trace] == [8, 9]
    assert rate_of(trace) == 1.0
    assert rate_of([Arrival(0.0), Arrival(0.0)]) == 2.0


@pytest.mark.parametrize(
    ("arrivals", "lengths", "said"),
    [("sometimes", None, "--arrivals "), ("trace:none.csv", None, "No such file"), ("trace:none.txt", None, "csv")],
)
def test_arrivals_that_cannot_be_read_are_told(arrivals: str, lengths: str | None, said: str) -> None:
    with pytest.raises(Failure, match=said):
        read_arrivals(Namespace(arrivals=arrivals, lengths=lengths))


def test_a_trace_has_lengths_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("offset_s\n0\n")
    with pytest.raises(Failure, match="leave --lengths out"):
        read_arrivals(Namespace(arrivals=f"trace:{file}", lengths="24", rows=1))


def test_a_trace_has_rows_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("offset_s\n0\n")
    with pytest.raises(Failure, match="leave --rows out"):
        read_arrivals(Namespace(arrivals=f"trace:{file}", lengths=None, rows=2))


def test_a_value_out_of_bounds_is_told_with_what_would_be_right() -> None:
    check_between(Namespace(slo_ms=None), ["slo_ms"], 0, 10, "it is above 0")
    with pytest.raises(Failure, match=r"--slo-ms 0: it is above 0"):
        check_between(Namespace(slo_ms=0), ["slo_ms"], 0, 10, "it is above 0")


@pytest.mark.parametrize(
    ("seed", "attainment", "precision", "said"),
    [(-1, 0.9, 0.1, "--seed"), (0, 1.0, 0.1, "--attainment"), (0, 0.9, 2.0, "--precision 2.0: .* like 0.05")],
)
def test_a_search_goes_by_shares(seed: int, attainment: float, precision: float, said: str) -> None:
    with pytest.raises(Failure, match=said):
        check_search(Namespace(seed=seed, attainment=attainment, precision=precision), "0.05")


def test_the_first_refusal_is_told_and_then_a_folder_that_is_not_there() -> None:
    options = Namespace(json="-", html=Path("/nowhere/at/all.html"))
    with pytest.raises(Failure, match="second"):
        check_together(options, [(False, "first"), (True, "second")], ["html"])
    with pytest.raises(Failure, match="there is no folder /nowhere/at"):
        check_together(options, [(False, "first")], ["json", "html"])
