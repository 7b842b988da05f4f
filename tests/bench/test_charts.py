"""Which charts a report has."""

import re

import msgspec

from headrace.bench.charts import details, overview
from headrace.bench.load import Objective, Open
from tests.bench.reports import OBJECTIVE, report, step


def _titles(figures: list[str]) -> list[str]:
    return [match[1] for each in figures if (match := re.search(r"<h3>(.*?)</h3>", each))]


def test_loads_are_compared_where_there_are_several() -> None:
    titles = _titles(overview(report(streams=True), OBJECTIVE))
    assert titles == [
        "Throughput",
        "Latency",
        "Throughput",
        "Latency",
        "Throughput and latency",
        "Latency, all of it",
        "Tokens",
    ]


def test_one_load_alone_has_its_distribution() -> None:
    one = msgspec.structs.replace(report(), steps=[step(Open(10.0))])
    assert _titles(overview(one, Objective())) == ["Latency, all of it"]


def test_nothing_measured_draws_nothing() -> None:
    assert overview(msgspec.structs.replace(report(), steps=[]), OBJECTIVE) == []


def test_a_load_shows_its_time_its_batches_and_the_server_s_phases() -> None:
    assert _titles(details(step(Open(10.0)), OBJECTIVE)) == [
        "What became of requests",
        "Latency over time",
        "Batch sizes",
        "Why batches were closed",
        "Where time goes",
    ]


def test_which_variants_answered_is_drawn_where_there_are_some() -> None:
    one = step(Open(10.0))
    assert one.batches
    batches = msgspec.structs.replace(one.batches, variants={"int8": 1200, "fp32": 30})
    assert "Which variant answered" in _titles(details(msgspec.structs.replace(one, batches=batches), OBJECTIVE))


def test_the_objective_is_drawn() -> None:
    assert all('class="limit"' in each for each in overview(report(), OBJECTIVE)[1:2])
    assert not any('class="limit"' in each for each in overview(report(), Objective()))
