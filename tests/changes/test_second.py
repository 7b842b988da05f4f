"""One second of a model becomes a row."""

from math import exp

import numpy as np
import pytest
from msgspec.structs import replace

from headrace.alike import lot_of
from headrace.changes.second import LOOKED_INTO, ONE_IN, Second, are_plain
from headrace.changes.slots import Of
from headrace.generation import Times, Usage
from headrace.records import GenerationRecord, RequestRecord
from headrace.types import BatchFacts, ModelVersion

M = ModelVersion("m", 1)


def request(taken_ms: float = 10, error: str = "", rows: int = 1, version: int = 1, tenant: str = "") -> RequestRecord:
    end = 10**9
    run = None if error else BatchFacts(rows, 1, "idle", 0, end - 4_000_000, 0, 4_000_000, 0)
    arrived = end - int(taken_ms * 1e6)
    return RequestRecord("", "m", version, "http", rows, arrived, arrived, end, run, error, "", tenant)


def row(second: Second) -> np.ndarray:
    versions: dict[int, int] = {}
    return second.row(lambda version: versions.setdefault(version, len(versions)), len)


def test_latency_waits_and_runs_are_those_of_requests_that_succeeded() -> None:
    second = Second(1)
    second.add_requests([request(10), request(20), request(30), request(9000, "internal")])
    made = row(second)
    assert exp(made[Of.MIDDLE]) == pytest.approx(20e6, rel=1e-3)
    assert made[Of.COMPUTE] == pytest.approx(4e6)
    assert made[Of.QUEUE] == pytest.approx(16e6)
    assert made[: Of.MIDDLE].tolist() == [4, 0, 1, 0]


def test_errors_are_told_apart_by_whose_they_are() -> None:
    second = Second(1)
    codes = ("invalid_request", "input_refused", "internal", "queue_full", "deadline_exceeded", "cancelled", "draining")
    second.add_requests([request(1, code) for code in codes])
    assert row(second)[: Of.MIDDLE].tolist() == [5, 2, 1, 2]


def test_a_second_without_answers_has_no_latency() -> None:
    second = Second(1)
    second.add_requests([request(1, "internal")])
    assert np.isnan(row(second)[Of.MIDDLE])


def test_requests_are_counted_by_rows_version_and_tenant() -> None:
    second = Second(1)
    second.add_requests(
        [request(rows=1, version=4, tenant="a"), request(rows=5, version=4), request(rows=1, version=7)]
    )
    made = row(second)
    assert made[Of.BUCKETS : Of.BUCKETS + 3].tolist() == [2, 0, 1]
    assert made[Of.FIRST_COUNT], made[Of.SECOND_COUNT] == (2, 1)
    assert made[Of.TENANT : Of.TENANT + 2].tolist() == [2, 1]


@pytest.mark.parametrize("number", [1, LOOKED_INTO, 1000])
def test_requests_that_are_alike_are_told_as_they_are_one_by_one(number: int) -> None:
    made = [request(10 + place % 7, rows=3, tenant="a") for place in range(number)]
    (group,) = lot_of(made).alike
    together, apart = Second(1), Second(1)
    third = number // 3
    for which in (slice(0, third), slice(third, number)):
        together.add_alike(group, which)
        apart.add_requests(made[which])
    assert row(together).tolist() == pytest.approx(row(apart).tolist(), nan_ok=True)
    assert together.tenants == apart.tenants


@pytest.mark.parametrize("odd", [request(rows=9), request(tenant="b"), replace(request(), batch=None)])
def test_where_one_is_not_as_the_others_each_has_to_be_looked_at(odd: RequestRecord) -> None:
    assert are_plain(lot_of([request()] * 20).alike[0])
    assert not are_plain(lot_of([*[request()] * 20, odd]).alike[0])


@pytest.mark.parametrize(("lot", "looked_into"), [(4 * LOOKED_INTO, LOOKED_INTO), (100 * ONE_IN, 100)])
def test_of_a_large_lot_one_in_so_many_is_looked_into_and_all_are_counted(lot: int, looked_into: int) -> None:
    second = Second(1)
    second.add_requests([request()] * lot)
    made = row(second)
    assert made[Of.COUNT] == lot
    assert made[Of.FIRST_COUNT] == looked_into


def test_runs_and_generations_are_counted() -> None:
    second = Second(1)
    second.add_runs([8], [10**9 + 2])
    second.add_step(0.5, 4)
    second.add_generation(GenerationRecord(M, 1, 5, Usage(100, 10), Times(), ("stop",), 0, 1))
    made = row(second)
    assert (made[Of.RUNS], made[Of.BATCH]) == (2, 6)
    assert made[Of.BUSY] == pytest.approx(1.5)
    assert exp(made[Of.PROMPT]) == pytest.approx(100, rel=1e-3)
