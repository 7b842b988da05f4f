"""How long is too long is known by the old version's answers."""

import pytest

from headrace.traffic.patience import FEWEST, LEAST_NS, patience_ns

MS = 1_000_000


@pytest.mark.parametrize(
    ("answers_ms", "ratio", "expected_ms"),
    [
        ([1000] * (FEWEST - 1), None, None),
        ([2] * 100, 1.5, LEAST_NS / MS),
        ([1000] * 100, None, 10_000),
        ([1000] * 100, 1.5, 15_000),
        ([1000] * 100, 0.5, 10_000),
        ([1] * 10 + [1000] * 90, 1.0, 10_000),
    ],
)
def test_too_long_is_many_times_as_long_as_slow_answers(
    answers_ms: list[int], ratio: float | None, expected_ms: float | None
) -> None:
    assert patience_ns([each * MS for each in answers_ms], ratio) == (expected_ms and expected_ms * MS)
