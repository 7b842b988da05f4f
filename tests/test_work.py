"""What is done besides requests is recorded with its part of the device's time, whatever comes of it."""

import pytest

from headrace.records import Record, WorkRecord
from headrace.types import ModelVersion
from headrace.work import Works, shares_of
from tests.fakes import FakeClock

M1 = ModelVersion("m", 1)


def test_a_load_is_recorded_with_what_was_done_meanwhile() -> None:
    records: list[Record] = []
    clock = FakeClock()
    with Works(records.append, clock).doing(M1, "load") as work:
        clock.pass_ms(10)
        work.spent_ns = (("probe", 4_000_000), ("warmup", 0))
    assert records == [WorkRecord(M1, 10_000_000, (("", "load", 6_000_000), ("", "probe", 4_000_000)))]


def test_one_that_fails_is_recorded_too() -> None:
    records: list[Record] = []
    clock = FakeClock()

    def fail() -> None:
        clock.pass_ms(1)
        raise ValueError

    with pytest.raises(ValueError), Works(records.append, clock).doing(M1, "probe"):
        fail()
    assert records == [WorkRecord(M1, 1_000_000, (("", "probe", 1_000_000),))]


def test_what_runs_beside_it_has_its_part() -> None:
    records: list[Record] = []
    clock = FakeClock()
    works = Works(records.append, clock)
    with works.doing(M1, "load"):
        works.device.began(clock.now_ns())
        clock.pass_ms(10)
    (record,) = records
    assert isinstance(record, WorkRecord)
    assert record.device_ns == 5_000_000


def test_a_child_that_says_more_than_all_leaves_the_main_phase_something() -> None:
    assert shares_of("load", 10, (("probe", 20),)) == (("", "load", 1), ("", "probe", 20))
