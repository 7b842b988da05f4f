"""What is known of one request."""

import math

from tests.bench.fakes import sample, stream


def test_times_count_from_when_it_was_due() -> None:
    late = sample(30, lag_ms=10, stream=stream(20, [4, 6], tokens=6))
    assert (late.latency_ms, late.ttft_ms, late.tpot_ms) == (30.0, 20.0, 2.0)


def test_what_did_not_stream_has_no_tokens() -> None:
    assert math.isnan(sample(1).ttft_ms)
    assert math.isnan(sample(1).tpot_ms)
