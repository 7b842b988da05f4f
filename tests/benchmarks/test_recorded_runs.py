"""What runs took is found again in what a server's answers say of them."""

import statistics
from collections.abc import Iterable
from random import Random

import pytest

from benchmarks.recorded_runs import Answered, Ran, Usual, hop_ms, outside_ms, runs_of
from headrace.batching.latency import Latency
from headrace.bench.samples import Batch
from headrace.simulate.run_times import RunTimes
from tests.batching.machines import took_ns

ROWS, LENGTHS = (1, 2, 4, 8), (8, 16, 32, 64, 128)


def answered(length: int, batch: Batch, latency_ms: float = 20.0) -> Answered:
    return Answered(1, length, latency_ms, batch)


def ran(seed: int, speed: float = 1.0, noise: float = 0.0, count: int = 400) -> list[Ran]:
    """Runs of all sizes by a machine that is so quick, and varies."""
    dice = Random(seed)
    sizes = [(dice.choice(ROWS), dice.choice(LENGTHS)) for _ in range(count)]
    return [Ran(*size, took_ns(*size) / 1e6 / speed * dice.lognormvariate(0.0, noise)) for size in sizes]


def ratio(times: RunTimes, sizes: Iterable[tuple[int, int]]) -> float:
    """How many times what a machine of speed 1 takes, in half of the runs."""
    return statistics.median([times.take_ns(*size) / took_ns(*size) for size in sizes])


def test_answers_of_one_run_are_put_together_whatever_comes_between_them() -> None:
    long, short = Batch(2, "idle", 1.0, 9.5), Batch(1, "idle", 3.0, 4.25)
    came = [answered(24, long), answered(7, short), answered(90, long._replace(queue_ms=6.0))]
    assert runs_of(came) == [Ran(1, 7, 4.25), Ran(2, 90, 9.5)]


def test_two_runs_that_took_as_long_are_two() -> None:
    alike = Batch(1, "idle", 0.0, 4.25)
    assert runs_of([answered(7, alike), answered(8, alike)]) == [Ran(1, 7, 4.25), Ran(1, 8, 4.25)]


def test_a_run_of_which_an_answer_is_missing_is_none() -> None:
    assert runs_of([answered(24, Batch(3, "idle", 1.0, 9.5)), answered(24, Batch(3, "idle", 2.0, 9.5))]) == []


def test_what_is_beside_the_computing_is_told_by_the_server_s_own_last_runs() -> None:
    latency, took_ms = Latency(), [4.0 + number % 7 for number in range(40)]
    for ms in took_ms:
        latency.learn(1, 8, (ms + 0.4) * 1e6)
    assert hop_ms([Ran(1, 8, ms) for ms in took_ms], latency.to_json()) == pytest.approx(0.4, abs=0.01)


def test_what_is_outside_of_the_queue_and_the_run_is_the_rest() -> None:
    batch = Batch(1, "idle", 5.0, 12.0)
    assert outside_ms([answered(8, batch, latency_ms) for latency_ms in (18.0, 19.0)]) == [1.0, 2.0]


def test_a_time_between_two_spells_is_as_quick_as_they_are_on_the_average() -> None:
    before, after = ran(1), ran(2, speed=0.64)
    usual = Usual([*before, *after])
    spells = [usual.spell(before), usual.spell(after)]
    sizes = [(run.rows, run.length) for run in ran(3)]
    assert ratio(RunTimes(usual.latency(spells[:1]), 0), sizes) == pytest.approx(1.0, rel=0.06)
    assert ratio(RunTimes(usual.latency(spells), 0), sizes) == pytest.approx(1.25, rel=0.06)
    assert ratio(RunTimes(usual.latency(spells[1:]), 0), sizes) == pytest.approx(1 / 0.64, rel=0.06)


def test_a_time_is_as_unsteady_as_the_spells_around_it_were_and_not_as_far_apart_as_these() -> None:
    spells = [ran(1, noise=0.1), ran(2, speed=0.5, noise=0.1)]
    usual = Usual([*spells[0], *spells[1]])
    times = RunTimes(usual.latency([usual.spell(each) for each in spells]), 0)
    taken = sorted(times.take_ns(2, 32) for _ in range(2000))
    assert taken[1900] / taken[1000] == pytest.approx(1.18, rel=0.06)  # 1.64 deviations
