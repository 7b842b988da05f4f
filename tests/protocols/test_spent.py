"""What an answer's headers say of its time."""

from headrace.generation import Generated, Times, Usage
from headrace.protocols.spent import (
    cache_lines,
    cache_metadata,
    cost,
    cost_line,
    generation_headers,
    queue_metadata,
    run_lines,
    run_metadata,
)
from headrace.types import BatchFacts, CacheFacts

MS = 1_000_000
BATCH = BatchFacts(8, 5, "full", 0, 3 * MS, MS // 2, 4 * MS, MS // 4)


def _generated(times: Times) -> Generated:
    return Generated((), Usage(1, 1), times=times)


def test_a_run_is_told_in_header_lines() -> None:
    assert run_lines(BATCH, MS) == (
        b"x-queue-ms: 2.000\r\nx-compute-ms: 4.750\r\nx-batch-size: 8\r\nx-batch-reason: full\r\n"
    )


def test_a_variant_is_named_where_the_model_has_several() -> None:
    batch = BatchFacts(1, 1, "idle", 0, 0, variant="int8\r\nx: y")
    assert run_lines(batch, 0).endswith(b"\r\nx-variant: int8\\r\\nx: y\r\n")
    assert run_metadata(batch)[-1] == ("x-variant", "int8\\r\\nx: y")


def test_metadata_and_lines_say_the_same() -> None:
    lines = "".join(f"{name}: {value!s}\r\n" for name, value in (queue_metadata(BATCH, MS), *run_metadata(BATCH)))
    assert lines.encode() == run_lines(BATCH, MS)


def test_nothing_waits_less_than_no_time() -> None:
    assert run_lines(BATCH, 4 * MS).startswith(b"x-queue-ms: 0.000\r\n")
    assert queue_metadata(BATCH, 4 * MS) == ("x-queue-ms", "0.000")


def test_a_language_models_queue_ends_with_its_first_step() -> None:
    headers = generation_headers(_generated(Times(2 * MS, 5 * MS)), 9 * MS, ended=True)
    assert headers == {"x-queue-ms": "2.000", "x-compute-ms": "7.000"}


def test_what_the_engine_did_not_know_of_is_queueing_too() -> None:
    headers = generation_headers(_generated(Times(2 * MS, 5 * MS, told_ns=6 * MS)), 9 * MS, ended=True)
    assert headers == {"x-queue-ms": "5.000", "x-compute-ms": "4.000"}


def test_a_stream_that_begins_knows_its_queue_only() -> None:
    assert generation_headers(_generated(Times(2 * MS, 5 * MS)), 9 * MS, ended=False) == {"x-queue-ms": "2.000"}


def test_of_times_that_nobody_took_nothing_is_said() -> None:
    assert generation_headers(_generated(Times()), 9 * MS, ended=True) == {}


def test_what_was_found_waited_for_another_at_most_and_was_in_a_run_of_no_rows() -> None:
    found = CacheFacts(True, waited_ns=2 * MS, variant="int8")
    times = b"x-queue-ms: 2.000\r\nx-compute-ms: 0.000\r\n"
    run = b"x-batch-size: 0\r\nx-batch-reason: cache\r\n"
    assert cache_lines(found) == b"x-cache: hit\r\n" + times + run + b"x-variant: int8\r\n"
    assert cache_metadata(CacheFacts(True))[-1] == ("x-batch-reason", "cache")


def test_what_was_not_found_is_told_beside_its_run() -> None:
    assert cache_lines(CacheFacts(False)) == b"x-cache: miss\r\n"


def test_a_cost_is_told_without_an_exponent_however_small() -> None:
    assert cost_line(50_000, 0.12 / 3.6e12) == b"x-cost-usd: 0.000000001667\r\n"
    assert cost(50_000, 0.12 / 3.6e12) == "0.000000001667"
