"""Simulated runs take what was measured, and vary by as much."""

import statistics

import pytest

from headrace.batching.latency import Latency
from headrace.simulate.run_times import RunTimes
from tests.simulate.models import MS, kept


def test_half_of_the_runs_take_longer_than_a_typical_one_and_they_vary_as_measured() -> None:
    times = RunTimes(kept(noise=0.1), seed=3)
    took = [times.take_ns(4, 0) / times.typical_ns(4, 0) for _ in range(4000)]
    assert times.typical_ns(4, 0) == pytest.approx(6 * MS, rel=0.1)
    assert statistics.median(took) == pytest.approx(1.0, abs=0.02)
    assert statistics.stdev(took) == pytest.approx(0.1, abs=0.03)


def test_a_quicker_machine_takes_so_much_less() -> None:
    assert RunTimes(kept(), 0, speed=2.0).typical_ns(4, 0) == RunTimes(kept(), 0).typical_ns(4, 0) / 2


def test_a_machine_that_is_alike_takes_as_long_and_has_its_own_luck() -> None:
    one = RunTimes(kept(), 1)
    other = one.of_another(2)
    assert one.typical_ns(4, 0) == other.typical_ns(4, 0)
    assert [one.take_ns(4, 0) for _ in range(9)] != [other.take_ns(4, 0) for _ in range(9)]


def test_the_same_seed_gives_the_same_times() -> None:
    first, second = RunTimes(kept(), 7), RunTimes(kept(), 7)
    assert [first.take_ns(1, 0) for _ in range(50)] == [second.take_ns(1, 0) for _ in range(50)]


def test_times_of_a_model_that_never_ran_are_none() -> None:
    with pytest.raises(ValueError, match="no run was measured"):
        RunTimes(Latency().to_json(), 0)
