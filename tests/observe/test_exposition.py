"""What is written is read back the same by Prometheus' own parser."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from headrace.observe.exposition import Family, bound, histogram_block, labels, number

GAUGE = Family("headrace_things", "gauge", "Things that are.")


def test_a_family_has_its_head_and_its_samples() -> None:
    assert "\n".join(GAUGE.lines([(labels({"model": "m"}), 3)])) == (
        '# HELP headrace_things Things that are.\n# TYPE headrace_things gauge\nheadrace_things{model="m"} 3'
    )


def test_a_family_without_samples_is_left_out() -> None:
    assert GAUGE.lines([]) == []
    assert GAUGE.histogram([]) == []


def test_no_labels_are_no_brackets() -> None:
    assert labels({}) == ""


@pytest.mark.parametrize("value", ['quote"', "back\\slash", "new\nline", "%d", "}", "ü", '",version="2'])
def test_label_values_are_read_back(value: str) -> None:
    assert _read(GAUGE.lines([(labels({"model": value, "version": "1"}), 1)]))[0].labels["model"] == value


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e")))
def test_any_text_may_be_a_label(value: str) -> None:
    (sample,) = _read(GAUGE.lines([(labels({"model": value}), 1)]))
    assert sample.labels == {"model": value}


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (0.5, "0.5"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (2**60, str(2**60))],
)
def test_numbers_are_written_as_prometheus_reads_them(value: float, text: str) -> None:
    assert number(value) == text


def test_a_histogram_has_buckets_a_sum_and_a_count() -> None:
    block = histogram_block("headrace_batch_rows", labels({"model": "100%"}), (1, 2.5))
    assert block % (1, 2, 4, 9.5, 4) == (
        'headrace_batch_rows_bucket{model="100%",le="1.0"} 1\n'
        'headrace_batch_rows_bucket{model="100%",le="2.5"} 2\n'
        'headrace_batch_rows_bucket{model="100%",le="+Inf"} 4\n'
        'headrace_batch_rows_sum{model="100%"} 9.5\n'
        'headrace_batch_rows_count{model="100%"} 4'
    )


def test_histograms_of_one_family_stand_together() -> None:
    family = Family("headrace_rows", "histogram", "Rows.")
    page = family.histograms((1,), [(labels({"model": "a"}), (1, 2), 3.5), (labels({"model": "b"}), (0, 0), 0.0)])
    assert "\n".join(page) == (
        "# HELP headrace_rows Rows.\n# TYPE headrace_rows histogram\n"
        'headrace_rows_bucket{model="a",le="1.0"} 1\nheadrace_rows_bucket{model="a",le="+Inf"} 2\n'
        'headrace_rows_sum{model="a"} 3.5\nheadrace_rows_count{model="a"} 2\n'
        'headrace_rows_bucket{model="b",le="1.0"} 0\nheadrace_rows_bucket{model="b",le="+Inf"} 0\n'
        'headrace_rows_sum{model="b"} 0.0\nheadrace_rows_count{model="b"} 0'
    )


def test_a_histogram_may_have_no_labels() -> None:
    block = histogram_block("h", "", (1,))
    assert block % (1, 1, 1.0, 1) == 'h_bucket{le="1.0"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1.0\nh_count 1'


def _read(lines: list[str]) -> list[Sample]:
    (family,) = text_string_to_metric_families("\n".join(lines) + "\n")
    samples: list[Sample] = family.samples
    return samples


@pytest.mark.parametrize("value", [1, 0.0001, 2.5, 131072, 999999, 1_000_000, 1_500_000.0, 12345678, 1e-9])
def test_bounds_are_written_as_go_writes_them(value: float) -> None:
    assert bound(value) == floatToGoString(value)  # type: ignore[no-untyped-call]
