"""Whether a version's answers take longer, or fail more often."""

import numpy as np

from headrace.drift.service import Service
from headrace.drift.side import Change
from headrace.records import RequestRecord


def records(
    seed: int, rows: int, took_ms: float = 10, failing: float = 0.0, error: str = "internal"
) -> list[RequestRecord]:
    random = np.random.default_rng(seed)
    times = took_ms * 1e6 * np.exp(random.standard_normal(rows) * 0.3)
    codes = [error if share < failing else "" for share in random.random(rows)]
    return [
        RequestRecord("", "m", 1, "http", 1, 0, 0, int(took), None, code)
        for took, code in zip(times.tolist(), codes, strict=True)
    ]


def found(service: Service, of: list[RequestRecord]) -> list[Change]:
    return [change for start in range(0, len(of), 100) for change in service.add(of[start : start + 100])]


def test_answers_as_before_are_no_change() -> None:
    assert found(Service(500), records(1, 20_000, failing=0.01)) == []


def test_answers_that_take_twice_as_long_are() -> None:
    service = Service(500)
    found(service, records(1, 3000))
    changes = found(service, records(2, 1500, took_ms=20))
    assert (changes[0].begins, changes[0].crossing.score.feature) == (True, "latency")


def test_answers_that_take_a_little_longer_are_not() -> None:
    service = Service(500)
    found(service, records(1, 3000))
    assert found(service, records(2, 5000, took_ms=12)) == []


def test_more_failures_are_a_change_and_those_of_clients_are_not() -> None:
    for error, expected in (("internal", {"error"}), ("cancelled", set())):
        service = Service(500)
        found(service, records(1, 3000, failing=0.01))
        changes = found(service, records(2, 1500, failing=0.2, error=error))
        assert {each.crossing.score.feature for each in changes} == expected
