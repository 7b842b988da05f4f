"""What a server tells of a run."""

import math

import pytest

from headrace.bench.batch_facts import batch_of


def test_facts_are_read_from_headers() -> None:
    said = {
        b"x-batch-size": b"4",
        b"x-batch-reason": b"full",
        b"x-queue-ms": b"1.250",
        b"x-compute-ms": b"3.5",
        b"x-variant": b"int8",
    }
    assert batch_of(lambda name: said.get(name, b"")) == (4, "full", 1.25, 3.5, "int8")


def test_a_server_that_tells_nothing_has_no_facts() -> None:
    assert batch_of(lambda name: b"") is None


def test_what_is_no_number_is_not_taken_for_one() -> None:
    batch = batch_of(lambda name: b"many" if name != b"x-batch-reason" else b"idle")
    assert batch
    assert (batch.rows, batch.reason, math.isnan(batch.queue_ms)) == (0, "idle", True)


@pytest.mark.parametrize("value", [b"nan", b"inf", b"-1", b"1e999"])
def test_times_that_cannot_be_are_not_taken(value: bytes) -> None:
    batch = batch_of(lambda name: value if name.endswith(b"-ms") else b"2")
    assert batch and math.isnan(batch.queue_ms) and math.isnan(batch.compute_ms)


def test_a_number_of_rows_that_nobody_can_count_is_not_taken() -> None:
    batch = batch_of(lambda name: b"9" * 5000 if name == b"x-batch-size" else b"1")
    assert batch and batch.rows == 0
