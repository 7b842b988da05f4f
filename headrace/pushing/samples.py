"""The page that Prometheus reads, taken apart again: the same names, labels and values, as numbers."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from headrace.observe.exposition import Kind
from headrace.observe.openmetrics import Exemplar

_MILLION = 1_000_000
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_EXEMPLAR = ' # {trace_id="'
_LE = 'le="'


class Buckets(NamedTuple):
    """A histogram's numbers. Counts do not add up: the last is of what is over every bound."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float
    exemplars: Sequence[Exemplar] = ()


class Sample(NamedTuple):
    """One series' value, by its labels as they stand on the page, without the braces."""

    labels: str
    value: int | float | Buckets


class Samples(NamedTuple):
    """A family with its samples."""

    name: str
    kind: Kind
    text: str
    samples: Sequence[Sample]


def samples_of(page: str) -> Iterator[Samples]:
    """Each family of a page of Prometheus' text, whose histograms may have exemplars in OpenMetrics' form.

    It is our own page: of each family the head comes first, and the lines of one histogram together, its count last.
    """
    for block in f"\n{page}".split("\n# HELP ")[1:]:
        told, typed, *lines = block.rstrip("\n").split("\n")
        name, _, text = told.partition(" ")
        kind = typed.rpartition(" ")[2]
        if kind == "histogram":
            yield Samples(name, "histogram", text, list(_histograms(name, lines)))
        else:
            yield Samples(name, "counter" if kind == "counter" else "gauge", text, [_sample(line) for line in lines])


def attributes(labels: str) -> dict[str, str]:
    """Labels as they stand on the page, read."""
    return {name: _ESCAPE.sub(_unescaped, value) for name, value in _LABEL.findall(labels)}


def _sample(line: str) -> Sample:
    head, _, value = line.rpartition(" ")
    return Sample(head.partition("{")[2][:-1], _number(value))


def _histograms(name: str, lines: Sequence[str]) -> Iterator[Sample]:
    bounds: list[float] = []
    counts: list[int] = []
    exemplars: list[Exemplar] = []
    total, before = 0.0, 0
    for line in lines:
        sample, marked, exemplar = line.partition(_EXEMPLAR)
        if marked:
            exemplars.append(_exemplar(exemplar))
        head, _, value = sample.rpartition(" ")
        kind, _, labels = head.removeprefix(name).partition("{")
        if kind == "_bucket":
            count = int(value)
            counts.append(count - before)
            before = count
            bound = labels.rpartition(_LE)[2][:-2]
            if bound != "+Inf":
                bounds.append(float(bound))
        elif kind == "_sum":
            total = float(value)
        else:
            yield Sample(labels[:-1], Buckets(tuple(bounds), tuple(counts), total, tuple(exemplars)))
            bounds, counts, exemplars, before = [], [], [], 0


def _exemplar(said: str) -> Exemplar:
    """What stands behind `# {trace_id="`."""
    trace_id, _, rest = said.partition('"} ')
    value, _, unix_s = rest.partition(" ")
    return Exemplar(
        trace_id, float(value), round(float(unix_s) * 1000) * _MILLION
    )  # the page has it to the millisecond


def _number(said: str) -> int | float:
    return int(said) if said.lstrip("-").isdigit() else float(said)


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]
