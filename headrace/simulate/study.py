"""A whole study: each policy on each number of machines under each load, and the highest rate that each holds."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
import numpy as np

from headrace.arrivals import POISSON, Arrival, Gamma, Lengths, at_rate, lasts_s, make_arrivals, within
from headrace.bench.search import Search
from headrace.numerals import numeral
from headrace.simulate.figures import Figures, measure
from headrace.simulate.policies import Chosen
from headrace.simulate.run_times import RunTimes
from headrace.simulate.scenario import Scenario
from headrace.simulate.simulation import Simulation

SKIPPED = 0.1  # of a try: machines begin without work, which holds no rate for long
SIZES = 4096  # of a closed loop, which come again
EACH = 200  # requests at least, of each machine, in a try
SPARSE = 256  # times below what runs one after another would do, requests hardly meet: a search ends there
LATE = 20  # requests at least that may be late in a try: of few, a rate that nobody holds passes by luck


class Plan(msgspec.Struct, frozen=True):
    """What is asked for. The scenario's machines, and its seed in a search, are set for each simulation."""

    scenario: Scenario
    policies: Sequence[Chosen]
    machines: Sequence[int] = (1,)
    rates: Sequence[float] = ()  # of all machines together
    clients: Sequence[int] = ()  # of closed loops
    process: Gamma = POISSON
    trace: Sequence[Arrival] = ()  # instead of a process
    lengths: Lengths | None = None
    rows: int = 1
    duration_s: float = 60.0
    most_requests: int = 200_000  # in one try of a search
    find_max: bool = False
    attainment: float = 0.99
    precision: float = 0.03


class Point(msgspec.Struct, frozen=True):
    """One load, simulated."""

    policy: str
    machines: int
    rate: float | None
    clients: int | None
    duration_s: float
    figures: Figures


class Capacity(msgspec.Struct, frozen=True):
    """The highest rate that some machines hold; None where even the lowest that was tried was too much."""

    policy: str
    machines: int
    rate: float | None
    fails_at: float | None
    figures: Figures | None  # at that rate
    tries: int


class Watcher(Protocol):
    """Is told how far it is."""

    def begin(self, label: str, duration_s: float) -> None: ...

    def progress(self, simulated_s: float) -> None: ...


class Study:
    """Runs a plan once; `points` and `capacities` hold what is known so far, also where it is interrupted."""

    def __init__(self, plan: Plan, watcher: Watcher) -> None:
        self.points: list[Point] = []
        self.capacities: list[Capacity] = []
        self._plan = plan
        self._watcher = watcher

    def run(self) -> None:
        """All of it."""
        plan = self._plan
        for machines, chosen in itertools.product(plan.machines, plan.policies):
            scenario = msgspec.structs.replace(plan.scenario, machines=machines)
            for rate in plan.rates:
                self._open(scenario, chosen, rate)
            for clients in plan.clients:
                self._closed(scenario, chosen, clients)
        if plan.find_max:
            for chosen in plan.policies:
                self._find(chosen)

    def _open(self, scenario: Scenario, chosen: Chosen, rate: float) -> None:
        arrivals, duration_s = self._arrivals(rate, self._plan.duration_s, scenario.seed)
        figures = self._simulated(scenario, chosen, arrivals, duration_s)
        self.points.append(Point(str(chosen), scenario.machines, rate, None, duration_s, figures))

    def _closed(self, scenario: Scenario, chosen: Chosen, clients: int) -> None:
        duration_s = self._plan.duration_s
        self._watcher.begin(_label(chosen, scenario.machines, f"{clients} clients"), duration_s)
        simulation = Simulation(scenario, chosen, self._watcher.progress)
        simulation.closed(clients, self._sizes(scenario.seed), duration_s)
        figures = _figures(simulation, scenario, duration_s, 0.0)
        self.points.append(Point(str(chosen), scenario.machines, None, clients, duration_s, figures))

    def _find(self, chosen: Chosen) -> None:
        """Fewer machines first: what they hold says where to begin with more."""
        plan, each = self._plan, self._alone_per_s()
        for machines in sorted(plan.machines):
            scenario = msgspec.structs.replace(plan.scenario, machines=machines)
            search = Search(each * machines, attainment=plan.attainment, precision=plan.precision)
            held: Figures | None = None
            tries = 0
            least = 0.0 if plan.trace or plan.process.cv > 1 else each * machines / SPARSE  # bursts meet at any rate
            while (rate := search.next_rate()) is not None and rate >= least:
                tried = msgspec.structs.replace(scenario, seed=scenario.seed + tries)
                figures = self._try(tried, chosen, rate)
                tries += 1
                if search.observe(figures.sent, round(figures.attainment * figures.sent)) == "holds":
                    held = figures
            upper = search.upper if math.isfinite(search.upper) else None
            self.capacities.append(Capacity(str(chosen), machines, search.best, upper, held, tries))
            each = (search.best or each * machines) / machines

    def _try(self, scenario: Scenario, chosen: Chosen, rate: float) -> Figures:
        plan = self._plan
        each = EACH * scenario.machines
        most = max(plan.most_requests, each)
        least = LATE / (1 - plan.attainment) if plan.attainment < 1 else math.inf
        requests = min(most, max(each, least, plan.duration_s * rate))
        arrivals, duration_s = self._arrivals(rate, requests / rate, scenario.seed)
        return self._simulated(scenario, chosen, arrivals, duration_s, SKIPPED * duration_s)

    def _simulated(
        self, scenario: Scenario, chosen: Chosen, arrivals: Sequence[Arrival], duration_s: float, skip_s: float = 0.0
    ) -> Figures:
        self._watcher.begin(
            _label(chosen, scenario.machines, f"{numeral(len(arrivals) / duration_s, 4)}/s"), duration_s
        )
        simulation = Simulation(scenario, chosen, self._watcher.progress)
        simulation.open(arrivals)
        return _figures(simulation, scenario, duration_s, skip_s)

    def _arrivals(self, rate: float, duration_s: float, seed: int) -> tuple[Sequence[Arrival], float]:
        """And how long they last. A trace is as long as it is, or comes again until there are enough."""
        plan = self._plan
        if not plan.trace:
            lengths, rows = plan.lengths, plan.rows
            return make_arrivals(plan.process, rate, duration_s, seed=seed, lengths=lengths, rows=rows), duration_s
        trace = at_rate(plan.trace, rate)
        if plan.find_max:
            trace = repeated(trace, math.ceil(rate * duration_s / len(trace)))
        trace = within(trace, duration_s)
        return trace, min(duration_s, lasts_s(trace) if trace else duration_s)

    def _sizes(self, seed: int) -> Iterator[Arrival]:
        plan = self._plan
        if plan.trace:
            return itertools.cycle(plan.trace)
        if plan.lengths is None:
            return itertools.repeat(Arrival(0.0, plan.rows))
        drawn = plan.lengths.draw(SIZES, np.random.default_rng([seed, 1]))
        return itertools.cycle([Arrival(0.0, plan.rows, length) for length in drawn])

    def _alone_per_s(self) -> float:
        """Runs a second of one machine where each request has one of its own: a rate to begin with."""
        scenario = self._plan.scenario
        times = RunTimes(scenario.latency, scenario.seed, scenario.speed)
        sizes = list(itertools.islice(self._sizes(scenario.seed), SIZES))
        mean_ns = sum(times.typical_ns(each.rows, each.length) for each in sizes) / len(sizes)
        return 1e9 / mean_ns * scenario.instances


def repeated(trace: Sequence[Arrival], times: int) -> list[Arrival]:
    """The same arrivals one time after the other."""
    if times <= 1:
        return list(trace)
    span_s = trace[-1].offset_s * len(trace) / max(1, len(trace) - 1)
    return [
        msgspec.structs.replace(each, offset_s=each.offset_s + turn * span_s) for turn in range(times) for each in trace
    ]


def _figures(simulation: Simulation, scenario: Scenario, duration_s: float, skip_s: float) -> Figures:
    instances = scenario.machines * scenario.instances
    return measure(simulation.outcomes, simulation.runs, duration_s, instances, scenario.slo_ns, skip_s)


def _label(chosen: Chosen, machines: int, load: str) -> str:
    on = f" on {machines:,} machines" if machines > 1 else ""
    return f"{chosen}, {load}{on}"
