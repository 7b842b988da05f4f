"""Every model's seconds, as long as may be looked back on and no longer."""

import msgspec
import numpy as np
import pytest

from headrace.changes.series import AHEAD, KEPT_S, MODELS, Series, Table
from headrace.changes.slots import CORE, MACHINE_WIDTH, TENANTS, Of
from headrace.records import BatchRecord, BundleRecord, RequestRecord
from headrace.types import BatchFacts, ModelVersion
from tests.observe.make import facts, hand_on

S = 10**9


def request(model: str = "m", at_s: float = 1.0, version: int | None = 1, tenant: str = "") -> RequestRecord:
    end = int(at_s * S)
    return RequestRecord("", model, version, "http", 1, end - 1000, end - 900, end, None, "", "", tenant)


def test_requests_are_told_by_the_second_in_unix_time() -> None:
    series = Series(epoch_ns=100 * S)
    hand_on([request(at_s=1.2), request(at_s=1.9), request(at_s=3.5)], series)
    series.settle(110)
    slots = series.of("m", 0)
    assert slots.seconds.tolist() == [101, 103]
    assert slots.column(Of.COUNT).tolist() == [2, 1]


def test_bundles_count_in_the_second_in_which_they_were_answered_among_others_that_failed() -> None:
    series = Series(0)
    failed = msgspec.structs.replace(request(at_s=2.5), error="internal")
    bundles = [BundleRecord(request(at_s=at_s), ["a", "b", "c"], [0, 0, 0]) for at_s in (1.2, 2.1)]
    hand_on([request(at_s=1.1), *bundles, failed, request(at_s=3.5)], series)
    series.settle(10)
    slots = series.of("m", 0)
    assert slots.seconds.tolist() == [1, 2, 3]
    assert slots.column(Of.COUNT).tolist() == [4, 4, 1]


def test_requests_of_several_seconds_that_came_at_once_are_parted_by_when_they_were_answered() -> None:
    series = Series(0)
    ends_s = [1.1, 1.2, 2.1, 2.2, 2.3, 5.0]
    lone = [msgspec.structs.replace(request(at_s=at_s), batch=facts(started_ns=int(at_s * S))) for at_s in ends_s]
    made = [
        BundleRecord(each, ["a", "b"], [each.finished_ns - place * S // 4] * 2) if place % 2 else each
        for place, each in enumerate(lone)
    ]
    hand_on(made, series)
    series.settle(10)
    slots = series.of("m", 0)
    assert slots.seconds.tolist() == [1, 2, 5]
    assert slots.column(Of.COUNT).tolist() == [3, 4, 2]
    assert slots.rows[:, Of.SAMPLE : Of.SAMPLE + 4].tolist() == [
        pytest.approx(taken, nan_ok=True)
        for taken in (
            [1000, S / 4, S / 4, np.nan],
            [1000, 3 * S / 4, 3 * S / 4, 1000],
            [5 * S / 4, 5 * S / 4, np.nan, np.nan],
        )
    ]


def test_seconds_that_are_over_are_settled_with_a_pause_after_each_model() -> None:
    series = Series(0)
    hand_on([request("m", at_s=5.0), request("n", at_s=5.0), request("late", at_s=9.5)], series)
    pauses = series.settling(10)
    assert [next(pauses, "none left") for _ in range(3)] == [None, None, "none left"]
    assert [len(series.of(name, 0).seconds) for name in ("m", "n", "late")] == [1, 1, 0]


def test_a_second_that_is_over_can_be_read_before_it_is_settled() -> None:
    series = Series(0)
    hand_on([request(at_s=5.0 + number) for number in range(2 * AHEAD)], series)
    assert len(series.of("m", 0).seconds) == 2 * AHEAD - 1


def test_what_comes_late_counts_in_the_second_that_is_open() -> None:
    series = Series(0)
    hand_on([request(at_s=5.0)], series)
    hand_on([request(at_s=4.9)], series)
    series.settle(10)
    assert series.of("m", 0).column(Of.COUNT).tolist() == [2]


def test_a_name_that_no_version_answers_to_is_not_kept() -> None:
    series = Series(0)
    hand_on([request(model=f"invented-{n}", version=None) for n in range(1000)], series)
    assert series.names() == []


def test_only_so_many_models_and_seconds_are_kept() -> None:
    series = Series(0)
    hand_on([request(model=f"m{n}") for n in range(MODELS + 5)], series)
    assert len(series.names()) == MODELS
    assert "m0" not in series.names()
    table = Table(1)
    for second in range(1, 3 * KEPT_S):
        table.add(second, np.zeros(1, np.float32))
    seconds, rows = table.since(0)
    assert KEPT_S <= len(seconds) == len(rows) <= KEPT_S + 400
    assert seconds[-1] == 3 * KEPT_S - 1


def test_a_second_that_is_there_is_not_written_again() -> None:
    table = Table(1)
    table.add(5, np.ones(1, np.float32))
    table.add(5, np.zeros(1, np.float32))
    table.add(4, np.zeros(1, np.float32))
    assert table.since(0)[1].tolist() == [[1]]


def test_tenants_beyond_those_told_apart_are_one() -> None:
    series = Series(0)
    hand_on([request(tenant=f"t{n}") for n in range(50)], series)
    series.settle(10)
    slots = series.of("m", 0)
    shares = slots.rows[0, Of.TENANT : Of.TENANT + TENANTS]
    assert (len(slots.tenants), shares.sum(), shares[-1]) == (TENANTS - 1, 50, 50 - TENANTS + 1)


def test_others_are_told_without_the_model_and_by_fewer_columns() -> None:
    series = Series(0)
    run = BatchRecord(ModelVersion("n", 1), BatchFacts(1, 1, "idle", 0, S, 0, S // 2, 0))
    hand_on([request("m"), request("n"), run], series)
    series.settle(10)
    others = series.others("m", 0)
    assert list(others) == ["n"]
    assert others["n"].rows.shape[1] == CORE
    assert others["n"].column(Of.BUSY).tolist() == [0.5]


def test_the_machine_has_seconds_of_its_own() -> None:
    series = Series(0)
    series.add_machine(3, np.ones(MACHINE_WIDTH, np.float32))
    assert series.machine(0).seconds.tolist() == [3]


def test_what_one_start_saw_the_next_one_knows() -> None:
    before = Series(0)
    hand_on([request(at_s=second, tenant="a") for second in range(5, 10)], before)
    before.settle(20)
    kept = before.kept(7, {"m": 1})["m"]
    after = Series(0)
    after.recall("m", kept, now_s=30)
    hand_on([request(at_s=40)], after)
    after.settle(50)
    assert after.of("m", 0).seconds.tolist() == [7, 8, 9, 40]
    assert after.of("m", 0).tenants[0] == "a"


def test_what_was_seen_by_a_clock_ahead_of_now_is_left_out() -> None:
    before = Series(0)
    hand_on([request(at_s=100)], before)
    before.settle(200)
    after = Series(0)
    after.recall("m", before.kept(0, {})["m"], now_s=50)
    assert after.names() == []


def test_what_is_damaged_is_refused() -> None:
    before = Series(0)
    hand_on([request(at_s=100)], before)
    before.settle(200)
    kept = before.kept(0, {})["m"]
    with pytest.raises(ValueError, match="reshape"):
        Series(0).recall("m", kept.__class__(kept.seconds, kept.rows[:8], [], []), 300)
