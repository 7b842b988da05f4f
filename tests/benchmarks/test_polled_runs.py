"""What runs took is found again in what a server told of them."""

import statistics
from random import Random

import pytest

from benchmarks.polled_runs import Poll, one_latency
from headrace.batching.latency import Latency
from tests.batching.machines import Machine, took_ns

RUNS_A_POLL = 25
ROWS, LENGTHS = (1, 2, 4, 8), (8, 16, 32, 64, 128)


def told(machine: Machine, latency: Latency, polls: int) -> tuple[list[Poll], list[tuple[float, float]]]:
    """Polls of a machine that is half as quick again every now and then, and after the first, of each run: the usual
    time of its size, and what it took."""
    found, ran, dice = [latency.to_json()], list[tuple[float, float]](), Random(7)
    for _ in range(polls):
        for _ in range(RUNS_A_POLL):
            if dice.random() < 0.02:
                machine.speed = 2.5 - machine.speed
            size = dice.choice(ROWS), dice.choice(LENGTHS)
            ran.append((took_ns(*size), machine.run(*size)))
            latency.learn(*size, ran[-1][1])
        found.append(latency.to_json())
    return found, ran


def test_each_run_is_found_with_what_it_took_and_what_is_usual_of_its_size() -> None:
    machine, latency = Machine(lambda random: random.lognormvariate(0.0, 0.05)), Latency()
    told(machine, latency, 40)
    stretches, ran = list[list[Poll]](), list[tuple[float, float]]()
    for _ in range(4):
        polls, more = told(machine, latency, 20)
        stretches.append(polls)
        ran += more
    margin = one_latency(stretches)["margin"]
    assert len(margin["ratios"]) == len(ran)
    for ratio, us, (_, took) in zip(margin["ratios"], margin["typical_us"], ran, strict=True):
        assert ratio * us == pytest.approx(took / 1e3, rel=0.02)
    off = [ratio / (took / usual) for ratio, (usual, took) in zip(margin["ratios"], ran, strict=True)]
    middle = statistics.median(off)
    near = sum(abs(each / middle - 1) < 0.1 for each in off)
    assert near > 0.85 * len(off)  # a run that is slow at a slow moment is told as slow by both, once
