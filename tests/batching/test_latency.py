"""How long a run takes: learned from synthetic machines."""

import json
from collections.abc import Callable
from itertools import pairwise
from math import ceil
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.cost_surface import KEPT_READ as KEPT_RUNS
from headrace.batching.latency import Latency, Pace
from headrace.batching.margin import KEPT_READ
from tests.batching.machines import NOISES, Machine, noisy, steady, took_ns

GRID = [(rows, length) for rows in (1, 2, 3, 6, 12, 16) for length in (5, 12, 24, 40, 100, 200)]


def learned(machine: Machine, runs: int = 300, latency: Latency | None = None) -> Latency:
    latency = latency or Latency()
    for _ in range(runs):
        size = machine.size()
        latency.learn(*size, machine.run(*size))
    return latency


def errors(latency: Latency, machine: Machine) -> list[float]:
    return sorted(abs(latency.typical(*size) / (took_ns(*size) * machine.speed) - 1) for size in GRID)


def test_nothing_is_known_at_first() -> None:
    latency = Latency()
    assert not latency.known
    assert latency.typical(1, 10) == 0.0
    assert latency.late(4, 0, company=True) == 0.0


def test_one_run_is_known_from_then_on() -> None:
    latency = Latency()
    latency.learn(1, 16, 2e6)
    assert latency.known
    assert latency.typical(1, 16) == pytest.approx(2e6, rel=0.01)
    assert latency.late(1, 16) == pytest.approx(3e6, rel=0.01)


@pytest.mark.parametrize("noise", [steady, noisy])
def test_the_median_is_off_by_less_than_a_tenth(noise: Callable[[Random], float]) -> None:
    machine = Machine(noise)
    off = errors(learned(machine), machine)
    assert off[len(off) // 2] < 0.10


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_a_hundred_runs_at_most_three_are_later_than_late(noise: Callable[[Random], float], seed: int) -> None:
    machine = Machine(noise, seed)
    latency, missed = learned(machine), 0
    for _ in range(2000):
        size = machine.size()
        ns = machine.run(*size)
        missed += ns > latency.late(*size)
        latency.learn(*size, ns)
    assert missed / 2000 <= 0.03


def test_a_slower_machine_is_known_within_fifty_runs() -> None:
    machine = Machine(steady)
    latency = learned(machine)
    machine.speed = 1.3
    learned(machine, 50, latency)
    off = errors(latency, machine)
    assert off[len(off) // 2] < 0.05


def test_sizes_not_seen_since_follow_the_speed_of_the_machine() -> None:
    machine = Machine(steady)
    latency = learned(machine)
    for _ in range(20):
        latency.learn(2, 24, took_ns(2, 24) * 1.3)
    assert latency.typical(8, 100) == pytest.approx(took_ns(8, 100) * 1.3, rel=0.1)


def test_one_odd_run_moves_nothing_much() -> None:
    latency = learned(Machine(steady))
    before = [latency.typical(*size) for size in GRID]
    latency.learn(2, 24, 10 * took_ns(2, 24))
    assert [latency.typical(*size) for size in GRID] == pytest.approx(before, rel=0.02)


def test_larger_batches_than_any_seen_are_foreseen() -> None:
    latency = learned(Machine(steady))
    assert latency.typical(64, 256) == pytest.approx(took_ns(64, 256), rel=0.3)


def test_a_model_of_one_shape_is_learned_by_rows_alone() -> None:
    latency = Latency()
    for rows in (1, 2, 4, 8) * 3:
        latency.learn(rows, 0, 1e6 + 2e5 * rows)
    assert latency.typical(6, 0) == pytest.approx(2.2e6, rel=0.05)
    assert latency.typical(32, 0) == pytest.approx(7.4e6, rel=0.1)


def test_runs_in_company_are_learned_apart() -> None:
    latency = learned(Machine(steady))
    for _ in range(20):
        latency.learn(2, 24, took_ns(2, 24) * 1.5, company=True)
    assert latency.typical(2, 24) == pytest.approx(took_ns(2, 24), rel=0.1)
    assert latency.typical(2, 24, company=True) == pytest.approx(1.5 * took_ns(2, 24), rel=0.1)


def test_a_size_that_is_far_off_the_line_is_not_taken_for_a_slow_machine() -> None:
    latency = learned(Machine(steady))
    for _ in range(100):
        latency.learn(32, 32, 4 * took_ns(32, 32))
    assert latency.typical(32, 32) == pytest.approx(4 * took_ns(32, 32), rel=0.1)
    assert latency.typical(2, 24) == pytest.approx(took_ns(2, 24), rel=0.1)


def test_company_that_was_never_met_costs_nothing() -> None:
    latency = learned(Machine(steady))
    assert latency.typical(2, 24, company=True) == latency.typical(2, 24)


sizes = st.tuples(st.integers(1, 40), st.integers(0, 300))


@given(st.lists(st.tuples(sizes, st.floats(1, 1e11), st.booleans()), min_size=1, max_size=40))
def test_predictions_rise_in_rows_and_length_whatever_was_measured(
    runs: list[tuple[tuple[int, int], float, bool]],
) -> None:
    latency = Latency()
    for size, ns, company in runs:
        latency.learn(*size, ns, company)
    for length in (0, 1, 7, 100, 1000):
        taken = [latency.typical(rows, length) for rows in (1, 2, 3, 5, 8, 13, 100)]
        assert all(a <= b * (1 + 1e-9) for a, b in pairwise(taken))
    for rows in (1, 3, 20):
        taken = [latency.typical(rows, length) for length in (0, 1, 2, 7, 50, 64, 65, 900)]
        assert all(a <= b * (1 + 1e-9) for a, b in pairwise(taken))
        assert all(latency.late(rows, length) >= latency.typical(rows, length) > 0 for length in (0, 5, 70))


@given(st.lists(st.tuples(sizes, st.floats(1e3, 1e9), st.booleans()), max_size=60))
def test_what_is_written_is_read_back(runs: list[tuple[tuple[int, int], float, bool]]) -> None:
    latency = Latency()
    for size, ns, company in runs:
        latency.learn(*size, ns, company)
    again = Latency.from_json(json.loads(json.dumps(latency.to_json())))
    assert again.known == latency.known
    kept, said = latency.to_json(), again.to_json()
    assert sorted(said["knots"]) == sorted([i, j, min(count, KEPT_RUNS), *ns] for i, j, count, *ns in kept["knots"])
    every = max(1, ceil(len(kept["margin"]["ratios"]) / KEPT_READ))
    assert said["margin"]["ratios"] == kept["margin"]["ratios"][::every]


def test_eight_runs_say_more_of_a_size_than_what_was_kept_of_it() -> None:
    odd, knots = (4, 64), [(rows, length) for rows in (1, 4, 16) for length in (8, 64, 256)]
    disturbed = Latency()
    for size in knots * 32:
        disturbed.learn(*size, took_ns(*size) * (3.0 if size == odd else 1.0))
    again = Latency.from_json(json.loads(json.dumps(disturbed.to_json())))
    for size in knots * 8:
        again.learn(*size, took_ns(*size))
    assert again.typical(*odd) == pytest.approx(took_ns(*odd), rel=0.1)


def test_predictions_are_about_the_same_after_a_restart() -> None:
    latency = learned(Machine(steady))
    again = Latency.from_json(json.loads(json.dumps(latency.to_json())))
    assert [again.typical(*size) for size in GRID] == pytest.approx([latency.typical(*s) for s in GRID], rel=0.1)
    assert again.late(2, 24) == pytest.approx(latency.late(2, 24), rel=0.05)


@pytest.mark.parametrize(
    "change",
    [
        {"form": 0},
        {"knots": [[0, 0, 1]]},
        {"knots": [[-1, 0, 1, 12.0]]},
        {"knots": [[0, 0, 0, 12.0]]},
        {"knots": None},
        {"margin": {"factor": 9.0, "ratios": []}},
        {"margin": {"factor": 1.0, "ratios": [-1.0]}},
        {"margin": {"factor": 1.0, "ratios": [1.0], "typical_us": []}},
        {"alone": "x"},
        {"alone": float("nan")},
    ],
)
def test_what_is_no_latency_is_refused(change: dict[str, object]) -> None:
    kept = learned(Machine(), 5).to_json()
    with pytest.raises((ValueError, TypeError, KeyError)):
        Latency.from_json({**kept, **change})


def test_the_pace_is_a_median() -> None:
    pace = Pace()
    for off in (0.1, 5.0, 0.2):
        pace.learn(off)
    assert pace.value == 0.2


def test_a_restart_on_a_slower_machine_is_known_after_a_few_runs() -> None:
    machine = Machine(steady)
    latency = Latency.from_json(learned(machine).to_json())
    for _ in range(5):
        latency.learn(1, 16, took_ns(1, 16) * 1.5)
    assert latency.typical(8, 100) == pytest.approx(took_ns(8, 100) * 1.5, rel=0.1)


def test_a_restart_at_another_speed_makes_no_run_late_that_comes_later() -> None:
    machine = Machine(steady)
    latency = Latency.from_json(learned(machine).to_json())
    machine.speed = 8.0
    learned(machine, 60, latency)
    assert latency.late(1, 256) < latency.typical(1, 256) * 1.6


def test_a_pace_that_nothing_confirms_is_forgotten_by_halves() -> None:
    latency = Latency()
    for _ in range(20):
        latency.learn(1, 0, 2e6)
    for _ in range(20):
        latency.learn(1, 0, 32e6)
    slow = latency.typical(1, 0)
    latency.relax()
    assert latency.typical(1, 0) < slow * 0.7
    latency.learn(1, 0, 2e6)
    assert latency.typical(1, 0) < slow * 0.7


def test_a_machine_that_has_become_quicker_is_not_taken_for_slower_where_nothing_runs() -> None:
    latency = Latency()
    for ms in (20, 2):
        for _ in range(20):
            latency.learn(1, 0, ms * 1e6)
    quick = latency.typical(1, 0)
    latency.relax()
    assert latency.typical(1, 0) == quick


def test_a_machine_that_stood_still_while_the_model_was_tried_is_found_out_by_one_that_is_let_in() -> None:
    latency = Latency()
    latency.learn(1, 0, 4e9)
    for _ in range(20):
        if latency.typical(1, 0) < 50e6:
            break
        latency.relax()
    assert latency.typical(1, 0) < 50e6
    for _ in range(3):
        latency.learn(1, 0, 10e6)
    assert latency.typical(1, 0) == pytest.approx(10e6, rel=0.7)
    for _ in range(6):
        latency.learn(1, 0, 10e6)
    assert latency.typical(1, 0) == pytest.approx(10e6, rel=0.05)


def test_doubt_is_gone_once_runs_say_that_there_was_no_cause_for_it() -> None:
    latency = Latency()
    for _ in range(5):
        latency.learn(1, 0, 10e6)
    for _ in range(100):
        latency.relax()
    assert 0 < latency.typical(1, 0) < 1e6
    for _ in range(10):
        latency.learn(1, 0, 10e6)
    assert latency.typical(1, 0) == pytest.approx(10e6, rel=0.05)


def test_what_many_runs_have_shown_is_not_doubted() -> None:
    latency = learned(Machine(steady))
    before = latency.typical(2, 24)
    for _ in range(100):
        latency.relax()
    assert latency.typical(2, 24) == pytest.approx(before, rel=0.1)


def test_what_was_kept_is_doubted_until_there_are_runs() -> None:
    latency = Latency.from_json(learned(Machine(steady)).to_json())
    before = latency.typical(2, 24)
    for _ in range(20):
        latency.relax()
    assert latency.typical(2, 24) < before / 10


def test_sizes_that_do_not_run_stay_known_however_long_others_do() -> None:
    machine, latency = Machine(noisy), Latency()
    for _ in range(5):
        for size in GRID:
            latency.learn(*size, machine.run(*size))
    for _ in range(200):
        for _ in range(100):
            rows, length = machine.random.choice((1, 2)), machine.random.choice((12, 24))
            latency.learn(rows, length, machine.run(rows, length))
        latency = Latency.from_json(json.loads(json.dumps(latency.to_json())))
    assert 0.7 < latency.typical(16, 200) / took_ns(16, 200) < 1.4


@pytest.mark.parametrize("seed", [1, 2])
def test_what_a_machine_is_taken_for_does_not_wander_off_over_restarts(seed: int) -> None:
    random, latency, rows = Random(seed), Latency(), (1, 2, 4, 8, 16, 32)
    for number in (*rows * 5, *random.choices((1, 1, 2, 3, 4, 8), k=20_000)):
        latency.learn(number, 0, took_ns(number, 0) * random.lognormvariate(0.0, 0.15))
        if random.random() < 1 / 200:
            latency = Latency.from_json(json.loads(json.dumps(latency.to_json())))
    for number in rows:
        assert 0.8 < latency.typical(number, 0) / took_ns(number, 0) < 1.25


def test_sizes_that_come_in_order_teach_little_of_a_speed_that_the_machine_has_not() -> None:
    random, latency = Random(2), Latency()
    sizes = [(random.choice((1, 1, 1, 2, 3, 4, 8)), random.randint(1, 30)) for _ in range(3000)]
    for rows, length in [*sizes, *((1, length) for length in range(1, 30_000))]:
        latency.learn(rows, length, 1e6 * random.lognormvariate(0.0, 0.4))
    for length in (8, 128, 1024, 16_384):
        assert latency.typical(1, length) == pytest.approx(1e6, rel=0.8)
