"""Whole runs are kept, and as many as were asked for."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.capture.choice import Choice
from headrace.types import BatchFacts, ModelVersion

VERSION = ModelVersion("m", 1)


def _run(started_ns: int) -> BatchFacts:
    return BatchFacts(4, 4, "full", 0, started_ns)


@given(st.floats(0, 1), st.integers(0, 2**62))
def test_requests_that_shared_a_run_are_kept_together(ratio: float, started_ns: int) -> None:
    choice = Choice(ratio)
    assert choice.takes(VERSION, _run(started_ns)) == choice.takes(VERSION, _run(started_ns))


def test_nothing_and_everything() -> None:
    runs = [_run(number * 1_000_003) for number in range(1000)]
    assert not any(Choice(0.0).takes(VERSION, run) for run in runs)
    assert all(Choice(1.0).takes(VERSION, run) for run in runs)


def test_a_share_is_about_that_share_whatever_the_times_between_runs() -> None:
    for step_ns in (1, 1000, 1_000_000, 8_333_333):
        taken = sum(Choice(0.1).takes(VERSION, _run(number * step_ns)) for number in range(10_000))
        assert 900 <= taken <= 1100


def test_other_models_and_answers_without_a_run_are_left_out() -> None:
    choice = Choice(1.0, frozenset({"n"}))
    assert not choice.takes(VERSION, _run(1))
    assert choice.takes(ModelVersion("n", 2), _run(1))
    assert not Choice(1.0).takes(VERSION, None)
