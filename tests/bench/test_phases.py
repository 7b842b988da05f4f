"""What the server counted between two moments."""

from typing import Any

import msgspec

from headrace.bench.phases import between, read_reasons, read_statistics

PAGE = """\
# TYPE headrace_batches_total counter
headrace_batches_total{model="m",version="1",reason="full"} 7
headrace_batches_total{model="m",version="2",reason="full"} 3
headrace_batches_total{model="m",version="1",reason="idle"} 1e3
headrace_batches_total{model="other",version="1",reason="idle"} 5
"""


def _entry(count: int, queue_ns: int, sizes: dict[int, int]) -> dict[str, Any]:
    spent = {"count": count, "ns": count * 3_000_000}
    return {
        "inference_count": count * 2,
        "execution_count": count,
        "inference_stats": {"success": spent, "queue": {"count": count, "ns": queue_ns}, "compute_infer": spent},
        "batch_stats": [
            {"batch_size": rows, "compute_infer": {"count": runs, "ns": 1}} for rows, runs in sizes.items()
        ],
    }


def test_means_are_of_the_requests_between_two_readings() -> None:
    before = read_statistics([_entry(10, 10_000_000, {1: 10})])
    after = read_statistics([_entry(30, 50_000_000, {1: 15, 4: 15})])
    phases = between(before, after)
    assert (phases.requests, phases.rows, phases.runs) == (20, 40, 20)
    assert (phases.queue_ms, phases.infer_ms, phases.output_ms) == (2.0, 3.0, 0.0)
    assert phases.sizes == {1: 5, 4: 15}


def test_versions_are_counted_together() -> None:
    reading = read_statistics([_entry(1, 5, {1: 1}), _entry(2, 7, {1: 1, 2: 1})])
    assert (reading.success[0], reading.phases["queue"][1], dict(reading.sizes)) == (3, 12, {1: 2, 2: 1})


def test_numbers_of_grpc_are_strings_and_zeros_are_left_out() -> None:
    reading = read_statistics([{"inference_count": "4", "inference_stats": {"success": {"count": "4", "ns": "8"}}}])
    assert (reading.rows, reading.success) == (4, (4, 8))


def test_nothing_between_two_readings_is_nothing() -> None:
    reading = read_statistics([_entry(5, 5, {1: 5})])
    phases = between(reading, reading)
    assert (phases.requests, phases.mean_ms, phases.sizes) == (0, 0.0, {})


def test_reasons_are_those_of_the_model() -> None:
    assert read_reasons(PAGE, "m") == {"full": 10, "idle": 1000}
    assert read_reasons("", "m") == {}
    before = msgspec.structs.replace(read_statistics([]), reasons={"full": 4})
    after = msgspec.structs.replace(read_statistics([]), reasons={"full": 4, "idle": 2})
    assert between(before, after).reasons == {"idle": 2}
