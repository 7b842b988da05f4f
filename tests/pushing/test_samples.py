"""A page is taken apart into what it was made of."""

import pytest

from headrace.observe.exposition import Family, labels
from headrace.observe.openmetrics import Exemplar
from headrace.pushing.samples import Buckets, Sample, attributes, samples_of
from tests.pushing.make import page


def test_each_family_has_its_samples() -> None:
    counter, gauge, histogram = samples_of(page())
    assert (counter.name, counter.kind, counter.text) == ("requests_total", "counter", "Requests.")
    assert counter.samples == [Sample('model="m",code="ok"', 3)]
    assert (gauge.kind, gauge.samples) == ("gauge", [Sample('model="m"', 0.5)])
    exemplar = Exemplar("0af7651916cd43dd8448eb211c80319c", 0.5, 1_700_000_000_250_000_000)
    assert histogram.samples == [Sample('model="m"', Buckets((0.1, 1.0), (1, 2, 1), 4.5, (exemplar,)))]


def test_histograms_of_one_family_are_told_apart() -> None:
    family = Family("h", "histogram", "Text.")
    text = "\n".join(family.histograms((1.0,), [(labels({"m": "a"}), (1, 2), 0.5), ("", (3, 3), 1.5)]))
    (found,) = samples_of(text)
    assert found.samples == [Sample('m="a"', Buckets((1.0,), (1, 1), 0.5)), Sample("", Buckets((1.0,), (3, 0), 1.5))]


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'a"b',
        "back\\slash",
        "two\nlines",
        "\\n",
        "} 5",
        ',le="1"',
        ' # {trace_id="',
        "# HELP x",
        "a b",
        "\u2028",
        "",
    ],
)
def test_any_value_of_a_label_comes_back(value: str) -> None:
    family = Family("f", "counter", "Text.")
    told = "\n".join(
        [*family.lines([(labels({"model": value, "x": "y"}), 5)]), *Family("g", "gauge", "T.").lines([("", 1)])]
    )
    first, _ = samples_of(told)
    assert [sample.value for sample in first.samples] == [5]
    assert attributes(first.samples[0].labels) == {"model": value, "x": "y"}


@pytest.mark.parametrize("value", ['a"b', ',le="1"', ' # {trace_id="', "} 5"])
def test_any_value_of_a_histograms_label_comes_back(value: str) -> None:
    family = Family("h", "histogram", "Text.")
    (found,) = samples_of("\n".join(family.histograms((1.0,), [(labels({"m": value}), (1, 2), 0.5)])))
    (sample,) = found.samples
    assert (attributes(sample.labels), sample.value) == ({"m": value}, Buckets((1.0,), (1, 1), 0.5))


def test_a_page_of_nothing_has_none() -> None:
    assert list(samples_of("")) == []
