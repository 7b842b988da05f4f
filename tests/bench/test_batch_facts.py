"""What a server tells of a run."""

import math

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
