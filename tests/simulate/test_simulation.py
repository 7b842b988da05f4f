"""Whole simulations: everybody is answered once, and queues behave as theory has it."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.arrivals import POISSON, Arrival, make_arrivals
from headrace.simulate.feeding import FEEDINGS, Feeding
from headrace.simulate.figures import measure
from headrace.simulate.outcomes import ANSWERED, LEFT, LEFT_RUNNING, REFUSED, WAITING
from headrace.simulate.policies import NAMES, Chosen
from headrace.simulate.scenario import Drift, Leaving, Overheads
from headrace.simulate.simulation import Simulation
from tests.simulate.models import MS, kept, scenario


def test_of_a_queue_without_batching_the_mean_wait_is_that_of_the_formula() -> None:
    made = scenario(latency=kept(run_ms=5.0, row_ms=0.0, noise=0.0), slo_ns=None)
    simulation = Simulation(made, Chosen("none"))
    outcomes = simulation.open(make_arrivals(POISSON, 120.0, 300.0, seed=1))
    figures = measure(outcomes, simulation.runs, 300.0, 1)
    load = 120 * 0.005
    assert figures.mean_ms == pytest.approx(5.0 + 5.0 * load / (2 * (1 - load)), rel=0.06)  # Pollaczek and Khinchine
    assert figures.utilisation == pytest.approx(load, rel=0.03)


def test_overheads_come_before_the_queue_and_after_the_run_one_request_after_another() -> None:
    made = scenario(latency=kept(run_ms=4.0, row_ms=0.0, noise=0.0), slo_ns=None)
    made_ns = Overheads(in_ns=MS, in_loop_ns=2 * MS, out_ns=MS, out_loop_ns=3 * MS)
    slow = scenario(latency=made.latency, slo_ns=None, overheads=made_ns)
    arrivals = [Arrival(0.0), Arrival(0.0)]
    quick, late = (Simulation(each, Chosen("none")).open(arrivals) for each in (made, slow))
    run_ns = quick.done_ns[0]
    assert list(late.done_ns) == [3 * MS + run_ns + 4 * MS, 3 * MS + 2 * run_ns + 4 * MS]


def test_answers_of_a_run_are_as_late_as_one_that_was_measured() -> None:
    made = scenario(
        latency=kept(run_ms=4.0, row_ms=0.0, noise=0.0),
        slo_ns=None,
        overheads=Overheads(out_by_lot_ns=[MS, 2 * MS, 2 * MS, 2 * MS]),
    )
    outcomes = Simulation(made, Chosen("none")).open([Arrival(number / 50) for number in range(1000)])
    late_ms = [round((done - due) / MS - 4.0) for due, done in zip(outcomes.due_ns, outcomes.done_ns, strict=True)]
    assert set(late_ms) == {1, 2}
    assert late_ms.count(1) == pytest.approx(250, rel=0.2)


def test_a_server_counts_from_when_a_request_comes_and_its_client_from_when_it_was_sent() -> None:
    made = scenario(
        latency=kept(run_ms=4.0, row_ms=0.0, noise=0.0),
        slo_ns=5 * MS,
        overheads=Overheads(in_ns=3 * MS),
        leaving=Leaving(1.0, 2 * MS),
    )
    simulation = Simulation(msgspec.structs.replace(made, leaving=None), Chosen("none"))
    figures = measure(simulation.open([Arrival(0.0)]), simulation.runs, 1.0, 1, made.slo_ns)
    assert (figures.shed, figures.late_share) == (0.0, 1.0)
    assert list(Simulation(made, Chosen("none")).open([Arrival(0.0)]).done_ns) == [3 * MS]  # gone while it came


def test_runs_that_begin_after_a_drift_take_what_it_says() -> None:
    quick, slow = (kept(run_ms=ms, row_ms=0.0, noise=0.0) for ms in (4.0, 8.0))
    made = scenario(latency=quick, slo_ns=None, drifts=[Drift(1000 * MS, slow), Drift(2000 * MS, quick)])
    outcomes = Simulation(made, Chosen("none")).open([Arrival(offset_s) for offset_s in (0.0, 0.999, 1.1, 2.0, 2.1)])
    took_ms = [(done - due) / MS for due, done in zip(outcomes.due_ns, outcomes.done_ns, strict=True)]
    assert took_ms == pytest.approx([4.0, 4.0, 8.0, 4.0, 4.0], rel=0.01)


def test_a_drift_is_not_told_to_the_server_which_refuses_more_once_it_has_learnt_it() -> None:
    quick, slow = (kept(run_ms=ms, row_ms=0.0) for ms in (4.0, 30.0))
    made = scenario(latency=quick, slo_ns=20 * MS, drifts=[Drift(1000 * MS, slow)])
    outcomes = Simulation(made, Chosen("deadline")).open([Arrival(number / 20) for number in range(60)])
    assert outcomes.verdicts.index(REFUSED) > 22
    assert not any(verdict == REFUSED for verdict in outcomes.verdicts[:20])


def test_clients_of_a_closed_loop_ask_again_once_they_are_answered() -> None:
    made = scenario(latency=kept(run_ms=5.0, row_ms=0.0, noise=0.0), slo_ns=None)
    simulation = Simulation(made, Chosen("none"))
    outcomes = simulation.closed(3, itertools.repeat(Arrival(0.0)), 2.0)
    figures = measure(outcomes, simulation.runs, 2.0, 1)
    assert figures.throughput == pytest.approx(200, rel=0.03)
    assert figures.p50_ms == pytest.approx(15.0, rel=0.05)


def test_a_refused_client_asks_again_and_time_passes() -> None:
    made = scenario(latency=kept(run_ms=100.0, row_ms=0.0), slo_ns=MS)
    simulation = Simulation(made, Chosen("deadline"))
    outcomes = simulation.closed(1, itertools.repeat(Arrival(0.0)), 0.01)
    assert set(outcomes.verdicts) == {REFUSED}
    assert len(outcomes) <= 1000


def test_clients_that_leave_are_not_answered_and_cost_no_run_while_they_wait() -> None:
    made = scenario(latency=kept(run_ms=3.2, row_ms=0.0, noise=0.0), slo_ns=None, leaving=Leaving(1.0, 20 * MS))
    simulation = Simulation(made, Chosen("none"))
    outcomes = simulation.open([Arrival(0.0)] * 40)
    counts = np.bincount(np.frombuffer(outcomes.verdicts, np.uint8), minlength=6)
    assert counts[WAITING] == 0
    assert counts[ANSWERED] == 6  # in 20 ms
    assert counts[LEFT_RUNNING] == 2
    assert counts[LEFT] == 32


def test_the_shorter_queue_holds_more_than_chance_does() -> None:
    def late(feeding: Feeding) -> float:
        made = scenario(machines=8, feeding=feeding)
        simulation = Simulation(made, Chosen("none"))
        outcomes = simulation.open(make_arrivals(POISSON, 8 * 290.0, 5.0, seed=2))
        return 1.0 - measure(outcomes, simulation.runs, 5.0, 8, made.slo_ns).attainment

    assert late("shortest") < 0.5 * late("random")


def test_the_same_seed_gives_the_same_outcomes() -> None:
    arrivals = make_arrivals(POISSON, 400.0, 2.0, seed=3)
    runs = [Simulation(scenario(), Chosen("deadline")).open(arrivals) for _ in range(2)]
    assert runs[0].done_ns == runs[1].done_ns


@given(
    st.sampled_from(NAMES),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3), st.integers(0, 40), st.sampled_from("ab")), max_size=60),
    st.integers(1, 3),
    st.integers(1, 2),
    st.sampled_from(FEEDINGS),
    st.sampled_from([None, 20 * MS, 60 * MS]),
    st.booleans(),
)
@settings(max_examples=60)
def test_everybody_is_over_once_whatever_comes(
    name: str,
    asked: list[tuple[int, int, int, str]],
    machines: int,
    instances: int,
    feeding: Feeding,
    slo_ns: int | None,
    leaves: bool,
) -> None:
    offsets = itertools.accumulate(gap for gap, _, _, _ in asked)
    arrivals = [
        Arrival(offset / 1e3, rows, length, tenant)
        for offset, (_, rows, length, tenant) in zip(offsets, asked, strict=True)
    ]
    made = scenario(
        machines=machines,
        instances=instances,
        feeding=feeding,
        slo_ns=slo_ns,
        leaving=Leaving(0.5, 10 * MS) if leaves else None,
    )
    simulation = Simulation(made, Chosen(name))
    outcomes = simulation.open(arrivals)
    verdicts = np.frombuffer(outcomes.verdicts, np.uint8)
    done = [number for number, verdict in enumerate(verdicts) if verdict in (ANSWERED, LEFT_RUNNING)]
    assert WAITING not in outcomes.verdicts
    assert simulation.runs.rows == sum(arrivals[number].rows for number in done)  # each in one run, and in no other
    assert all(outcomes.done_ns[number] >= outcomes.due_ns[number] for number in range(len(arrivals)))
