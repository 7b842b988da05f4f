"""What the deadline policy promises: held in simulations whose truth is what it knows of times, noise included."""

import itertools
from collections import Counter
from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.arrivals import Arrival, Gamma, Lengths, make_arrivals
from headrace.batching.company import Company
from headrace.batching.deadline_policy import STARVED_NS, DeadlinePolicy
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.job import Job
from headrace.batching.latency import Latency
from headrace.batching.policy import Limits, Policy, Run
from headrace.simulate.agenda import Agenda
from headrace.simulate.figures import Figures, measure
from headrace.simulate.machine import Machine, Told
from headrace.simulate.outcomes import ANSWERED, GIVEN_UP, REFUSED, Asked
from headrace.simulate.policies import Chosen, make_policy
from headrace.simulate.run_times import RunTimes
from headrace.simulate.scenario import Drift, Scenario
from headrace.simulate.simulation import Simulation
from tests.simulate.models import MS, kept, scenario

QUANTILE = 0.99  # of runs that take no longer than is foreseen
REQUESTS = 1500
TEXTS = Lengths(24, 0.8, 5, 256)
ENCODER = kept(run_ms=1.5, row_ms=0.1, token_ms=0.13)
ENCODER_PER_S = 180.0  # that it answers at most, of such texts
SLO_NS = 100 * MS
SECOND = 1000 * MS
DEADLINE, NONE = Chosen("deadline"), Chosen("none")


class Model(NamedTuple):
    """In ms: of a run, a row, a token; and the noise of runs."""

    run: float
    row: float
    token: float
    noise: float

    @property
    def alone_ms(self) -> float:
        """One request of medium length by itself."""
        return self.run + self.row + 33 * self.token


models = st.builds(
    Model,
    st.sampled_from([0.5, 2.0, 10.0]),
    st.sampled_from([0.05, 0.5, 1.0]),
    st.sampled_from([0.001, 0.005, 0.03, 0.13]),
    st.sampled_from([0.02, 0.1, 0.2]),
)


def simulated(made: Scenario, chosen: Chosen, arrivals: Sequence[Arrival]) -> tuple[Simulation, Figures]:
    """All of it, and its figures."""
    simulation = Simulation(made, chosen)
    simulation.open(arrivals)
    duration_s = arrivals[-1].offset_s
    figures = measure(simulation.outcomes, simulation.runs, duration_s, made.instances, made.slo_ns)
    return simulation, figures


def texts(rate: float, count: int = REQUESTS, seed: int = 1, cv: float = 1.0) -> list[Arrival]:
    """Requests of several lengths."""
    return make_arrivals(Gamma(cv), rate, count / rate, seed=seed, lengths=TEXTS)


# ---- late answers


@given(
    models,
    st.sampled_from([0.3, 0.8, 1.0, 1.5, 2.0, 4.0]),
    st.sampled_from([4.0, 8.0, 20.0, 50.0]),
    st.sampled_from([1.0, 2.0]),
    st.integers(1, 2),
    st.integers(0, 99),
)
@settings(max_examples=20, derandomize=True)
def test_of_what_is_let_in_no_more_is_late_than_is_foreseen(
    model: Model, load: float, slack: float, cv: float, instances: int, seed: int
) -> None:
    slo_ns = int(slack * model.alone_ms * MS)
    made = Scenario(kept(*model, seed=seed), slo_ns=slo_ns, instances=instances, seed=seed)
    simulation, figures = simulated(made, DEADLINE, texts(instances * load * 1e3 / model.alone_ms, seed=seed, cv=cv))
    counts = Counter(simulation.outcomes.verdicts)
    answered, given_up = counts[ANSWERED], counts[GIVEN_UP]
    late = figures.late_share * answered
    allowed = 1 - QUANTILE
    assert late <= allowed * answered + 3 * sqrt(allowed * answered) + 1
    assert given_up <= 0.1 * (answered + given_up) + 3  # so that others are in time


# ---- starvation


@given(models, st.sampled_from([1.0, 1.5, 2.0, 4.0]), st.integers(0, 99))
@settings(max_examples=12, derandomize=True)
def test_the_longest_tenth_is_answered_at_least_half_as_often_as_all(model: Model, load: float, seed: int) -> None:
    made = Scenario(kept(*model, seed=seed), slo_ns=int(20 * model.alone_ms * MS), seed=seed)
    _, figures = simulated(made, DEADLINE, texts(load * 1e3 / model.alone_ms, seed=seed))
    assert figures.long_attainment is not None
    assert figures.long_attainment >= 0.5 * figures.attainment


@pytest.mark.parametrize("noise", [0.1, 0.35])
def test_so_it_is_where_three_times_as_much_is_asked_for_as_can_be_done(noise: float) -> None:
    made = Scenario(kept(run_ms=1.5, row_ms=0.1, token_ms=0.13, noise=noise), slo_ns=SLO_NS, seed=1)
    _, figures = simulated(made, DEADLINE, texts(3.0 * ENCODER_PER_S, 4000))
    assert figures.long_attainment is not None
    assert figures.long_attainment >= 0.5 * figures.attainment


@given(st.integers(1, 5), st.sampled_from([1.0, 3.0]), st.integers(0, 99))
@settings(max_examples=6, derandomize=True)
def test_a_request_without_a_deadline_is_answered_however_many_hurry_past_it(
    level: int, load: float, seed: int
) -> None:
    made = scenario(latency=kept(run_ms=10.0, row_ms=5.0), seed=seed)
    agenda, answered = Agenda(), dict[int, int]()
    told = Told(lambda run, now_ns: answered.update({job.number: now_ns for job in run.jobs}), lambda job, now_ns: None)
    machine = Machine(make_policy(DEADLINE, made), RunTimes(made.latency, seed), agenda, told)

    def submit(job: Asked, now_ns: int) -> None:
        machine.submit(job, now_ns)

    arrivals = make_arrivals(Gamma(1.0), load * 150.0, 12.0, seed=seed)
    patient = [number for number in range(len(arrivals)) if number % 100 == 50]
    for number, arrival in enumerate(arrivals):
        now_ns = int(arrival.offset_s * 1e9)
        job = Asked(number, 1, 0, ("",), now_ns)
        if number in patient:
            job.level = 9
        else:
            job.level, job.deadline_ns = level, now_ns + 60 * MS
        agenda.at(now_ns, lambda now_ns, job: submit(job, now_ns), job)
    while agenda:
        agenda.step()
    bound_s = STARVED_NS / 1e9 + 1.0
    assert all(answered[number] / 1e9 - arrivals[number].offset_s <= bound_s for number in patient)


# ---- conservation

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("asks"),
            st.tuples(
                st.integers(1, 4), st.integers(0, 60), st.sampled_from(["", "a", "b"]), st.sampled_from([1, 5, 9])
            ),
            st.sampled_from([None, 1, 10, 40, 200]),
        ),
        st.tuples(st.just("passes"), st.just(None), st.integers(0, 30)),
        st.tuples(st.just("leaves"), st.just(None), st.integers(0, 20)),
        st.tuples(st.just("ends"), st.just(None), st.integers(0, 5)),
    ),
    max_size=80,
)


@given(st.sampled_from(["deadline", "fixed"]), steps)
def test_each_request_is_refused_run_given_up_or_gone_and_only_one_of_these(
    name: str, happens: list[tuple[str, tuple[int, int, str, int] | None, int | None]]
) -> None:
    limits = Limits(8, 0, 12, 2000, 600)
    policy: Policy[Job] = (
        DeadlinePolicy(limits, Latency.from_json(kept(token_ms=0.1)), Company(), {"a": 2.0})
        if name == "deadline"
        else FixedPolicy(limits)
    )
    now_ns, waiting, running, ended = 0, list[Job](), list[Run[Job]](), list[Job]()
    for what, asked, number in happens:
        if asked:
            job = Job(asked[0], asked[1], ("k",), now_ns)
            job.tenant, job.level, job.num_bytes = asked[2], asked[3], 10 * asked[0]
            job.deadline_ns = None if number is None else now_ns + number * MS
            if policy.admit(job, now_ns) is None:
                policy.push(job, now_ns)
                waiting.append(job)
        elif what == "passes":
            now_ns += (number or 0) * MS
        elif what == "leaves" and waiting:
            policy.queue.remove(waiting.pop((number or 0) % len(waiting)))
        elif what == "ends" and running:
            run = running.pop(0)
            policy.ended(run, now_ns + 5 * MS)
            policy.answered(run, now_ns, now_ns + 5 * MS, now_ns + 5 * MS)
        for each in policy.give_up(now_ns):
            waiting.remove(each.job)
            ended.append(each.job)
        while policy.queue and isinstance(decision := policy.next(now_ns, len(running)), Run):
            run = decision
            policy.began(run, now_ns)
            assert sum(job.rows for job in run.jobs) == run.rows
            assert run.rows <= limits.max_size or len(run.jobs) == 1
            for job in run.jobs:
                waiting.remove(job)
            running.append(run)
            ended += run.jobs
        assert list(policy.queue) == waiting
    assert len(set(map(id, ended))) == len(ended)


# ---- fairness


@given(st.sampled_from([1.0, 2.0, 4.0]), st.integers(0, 99))
@settings(max_examples=6, derandomize=True)
def test_two_tenants_that_both_ask_for_too_much_are_served_by_weight(weight: float, seed: int) -> None:
    made = scenario(latency=ENCODER, slo_ns=SLO_NS, weights={"heavy": weight}, seed=seed)
    arrivals = _shared(heavy=3.0, light=3.0, seed=seed)
    simulation, _ = simulated(made, DEADLINE, arrivals)
    served = _tokens(simulation, arrivals)
    assert served["heavy"] / served["light"] == pytest.approx(weight, rel=0.35)


@given(st.integers(0, 99))
@settings(max_examples=3, derandomize=True)
def test_a_tenant_that_floods_takes_little_from_one_that_keeps_to_its_share(seed: int) -> None:
    made = scenario(latency=ENCODER, slo_ns=150 * MS, seed=seed)
    fair, flooded = _shared(quiet=0.4, loud=0.4, seed=seed), _shared(quiet=0.4, loud=2.0, seed=seed)
    before, _ = simulated(made, DEADLINE, fair)
    after, figures = simulated(made, DEADLINE, flooded)
    assert _answered(after, flooded)["quiet"] >= 0.88 * _answered(before, fair)["quiet"]
    assert figures.throughput >= 0.8 * ENCODER_PER_S


def _shared(seed: int, **loads: float) -> list[Arrival]:
    """Tenants, each with its share of what the encoder can do."""
    each = [
        Arrival(arrival.offset_s, 1, arrival.length, tenant)
        for number, (tenant, load) in enumerate(loads.items())
        for arrival in texts(load * ENCODER_PER_S, int(load * ENCODER_PER_S * 12), seed=100 * number + seed)
    ]
    return sorted(each, key=lambda arrival: arrival.offset_s)


def _answered(simulation: Simulation, arrivals: Sequence[Arrival]) -> Counter[str]:
    verdicts = simulation.outcomes.verdicts
    return Counter(each.tenant for each, verdict in zip(arrivals, verdicts, strict=True) if verdict == ANSWERED)


def _tokens(simulation: Simulation, arrivals: Sequence[Arrival]) -> Counter[str]:
    served = Counter[str]()
    for each, verdict in zip(arrivals, simulation.outcomes.verdicts, strict=True):
        if verdict == ANSWERED:
            served[each.tenant] += each.length
    return served


# ---- load


def test_at_little_load_hardly_anybody_is_refused_and_the_mean_is_that_without_batching() -> None:
    arrivals = texts(0.3 * ENCODER_PER_S, 4000)
    made = scenario(latency=ENCODER, slo_ns=SLO_NS)
    (_, batched), (_, alone) = (simulated(made, chosen, arrivals) for chosen in (DEADLINE, NONE))
    assert batched.mean_ms is not None
    assert alone.mean_ms is not None
    assert batched.mean_ms <= alone.mean_ms + 1.0
    assert batched.shed <= 0.001


def test_what_is_asked_for_beyond_what_can_be_done_costs_nothing_of_it() -> None:
    made = scenario(latency=ENCODER, slo_ns=SLO_NS)
    goodputs = [
        simulated(made, DEADLINE, texts(load * ENCODER_PER_S, int(load * 4000)))[1].goodput for load in (1.0, 2.0)
    ]
    assert goodputs[1] >= 0.95 * goodputs[0]


def test_the_share_that_the_encoder_answers_is_known() -> None:
    sizes = itertools.cycle([Arrival(0.0, 1, length) for length in TEXTS.draw(2000, np.random.default_rng(1))])
    made = scenario(latency=ENCODER, slo_ns=None)
    simulation = Simulation(made, DEADLINE)
    outcomes = simulation.closed(16, sizes, 20.0)
    figures = measure(outcomes, simulation.runs, 20.0, 1)
    assert figures.throughput == pytest.approx(ENCODER_PER_S, rel=0.1)


# ---- bad moments


phases = st.lists(st.tuples(st.sampled_from([0.5, 2.0, 10.0, 300.0, 3000.0]), st.integers(1, 5)), max_size=4)


@given(phases, st.integers(0, 99))
@settings(max_examples=12, derandomize=True)
def test_however_slow_the_machine_was_for_a_while_it_lets_in_again_what_it_can_answer(
    slow: list[tuple[float, int]], seed: int
) -> None:
    drifts, from_s = list[Drift](), 5
    for times, seconds in slow:
        drifts.append(Drift(from_s * SECOND, kept(run_ms=1.5 * times, row_ms=0.1 * times, token_ms=0.13 * times)))
        from_s += seconds
    drifts.append(Drift(from_s * SECOND, ENCODER))
    arrivals = texts(0.3 * ENCODER_PER_S, 4000, seed)
    simulation, _ = simulated(scenario(latency=ENCODER, slo_ns=SLO_NS, drifts=drifts), DEADLINE, arrivals)
    last = simulation.outcomes.verdicts[-1000:]
    assert sum(each in (REFUSED, GIVEN_UP) for each in last) <= 20
