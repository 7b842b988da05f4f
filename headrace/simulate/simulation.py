"""One simulation: arrivals or clients, machines with their policies, and what became of each request."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from headrace.arrivals import Arrival
from headrace.batching.policy import Run
from headrace.simulate.agenda import Agenda
from headrace.simulate.feeding import make_feed
from headrace.simulate.figures import Runs
from headrace.simulate.machine import Machine, Told
from headrace.simulate.outcomes import ANSWERED, GIVEN_UP, LEFT, LEFT_RUNNING, REFUSED, WAITING, Asked, Outcomes
from headrace.simulate.policies import Chosen, make_policy
from headrace.simulate.run_times import RunTimes
from headrace.simulate.scenario import Scenario

KEY = ("",)
TELL_EVERY = 8192  # events
LEAST_PAUSE_NS = 10_000  # of a client of a closed loop, so that time passes where all is refused
_SECOND = 1e9

Progress = Callable[[float], None]
"""Told how many seconds have been simulated."""


class Simulation:
    """Runs once. `outcomes` and `runs` are there when it is over."""

    def __init__(self, scenario: Scenario, chosen: Chosen, progress: Progress | None = None) -> None:
        """Raises ValueError, TypeError or KeyError where a latency of the scenario is none."""
        self.outcomes = Outcomes()
        self._agenda = Agenda()
        self._overheads = scenario.overheads
        self._slo_ns = scenario.slo_ns
        self._leaving = scenario.leaving
        self._lots = np.random.default_rng([scenario.seed, 4])
        self._progress = progress
        self._feed = make_feed(scenario.feeding, scenario.machines, scenario.seed)
        told = Told(self._answered, self._given_up)
        times = RunTimes(scenario.latency, scenario.seed, scenario.speed)
        self._machines = [
            Machine(
                make_policy(chosen, scenario),
                times.of_another(scenario.seed + number),
                self._agenda,
                told,
                scenario.instances,
                scenario.together,
            )
            for number in range(scenario.machines)
        ]
        for drift in scenario.drifts:
            times = RunTimes(drift.latency, scenario.seed, scenario.speed)
            for number, machine in enumerate(self._machines):
                luck = times.of_another(scenario.seed + number, drift.from_ns)
                self._agenda.at(drift.from_ns, machine.drift, luck)
        self._loops_ns = [0] * scenario.machines  # when each machine's event loop is free
        self._sizes: Iterator[Arrival] = iter(())  # of a closed loop
        self._closed_until_ns = 0

    @property
    def runs(self) -> Runs:
        """Of all machines."""
        machines = self._machines
        return Runs(
            count=sum(each.runs for each in machines),
            rows=sum(each.rows for each in machines),
            rows_left=sum(each.rows_left for each in machines),
            busy_s=sum(each.busy_ns for each in machines) / _SECOND,
            reasons=dict(sum((each.reasons for each in machines), Counter[str]()).most_common()),
        )

    def open(self, arrivals: Sequence[Arrival]) -> Outcomes:
        """Requests come when they come; until the last is over."""
        agenda = self._agenda
        for number, arrival in enumerate(arrivals):
            due_ns = int(arrival.offset_s * _SECOND)
            while agenda and agenda.next_ns <= due_ns:
                agenda.step()
            self._send(due_ns, arrival)
            if self._progress and not number % TELL_EVERY:
                self._progress(due_ns / _SECOND)
        self._finish()
        return self.outcomes

    def closed(self, clients: int, sizes: Iterator[Arrival], duration_s: float) -> Outcomes:
        """So many clients, each of which asks again once it is answered; until the last is over."""
        self._sizes, self._closed_until_ns = sizes, int(duration_s * _SECOND)
        for client in range(clients):
            self._agenda.at(client * LEAST_PAUSE_NS, self._again, client)
        self._finish()
        return self.outcomes

    def _finish(self) -> None:
        agenda, steps, now_ns = self._agenda, 0, 0
        while agenda:
            now_ns = agenda.step()
            steps += 1
            if self._progress and not steps % TELL_EVERY:
                self._progress(now_ns / _SECOND)
        if WAITING in self.outcomes.verdicts:
            raise RuntimeError("a request was forgotten")

    # ---- in

    def _again(self, now_ns: int, client: int) -> None:
        if now_ns < self._closed_until_ns:
            self._send(now_ns, next(self._sizes), client)

    def _send(self, due_ns: int, arrival: Arrival, client: int | None = None) -> None:
        """On its way through a machine's event loop, which takes one request after another."""
        overheads, machine = self._overheads, self._feed.choose()
        number = self.outcomes.sent(due_ns, arrival.rows, arrival.length, arrival.tenant)
        came_ns = max(due_ns + overheads.in_ns, self._loops_ns[machine])
        queued_ns = self._loops_ns[machine] = came_ns + overheads.in_loop_ns
        job = Asked(number, arrival.rows, arrival.length, KEY, queued_ns)
        job.arrived_ns, job.tenant, job.client, job.machine = came_ns, arrival.tenant, client, machine
        if self._slo_ns is not None:
            job.deadline_ns = came_ns + self._slo_ns  # a server counts from when it reads the request
        if queued_ns == due_ns:
            self._submit(queued_ns, job)
        else:
            self._agenda.at(queued_ns, self._submit, job)

    def _submit(self, now_ns: int, job: Asked) -> None:
        late = job.deadline_ns is not None and job.deadline_ns <= now_ns
        if late or not self._machines[job.machine].submit(job, now_ns):
            self._over(job, REFUSED, now_ns + self._overheads.out_ns)
        elif self._leaving and self._lots.random() < self._leaving.share:
            sent_ns = self.outcomes.due_ns[job.number]
            self._agenda.at(max(sent_ns + self._leaving.after_ns, now_ns), self._leave, job)

    # ---- out

    def _leave(self, now_ns: int, job: Asked) -> None:
        if self.outcomes.verdicts[job.number] == WAITING:
            waited = self._machines[job.machine].leave(job)
            self._over(job, LEFT if waited else LEFT_RUNNING, now_ns)
            if waited:
                self._feed.done(job.machine, 1)

    def _given_up(self, job: Asked, now_ns: int) -> None:
        self._feed.done(job.machine, 1)
        self._over(job, GIVEN_UP, now_ns + self._overheads.out_ns)

    def _answered(self, run: Run[Asked], now_ns: int) -> None:
        """One answer after another through the event loop."""
        overheads, jobs = self._overheads, run.jobs
        machine, each_ns = jobs[0].machine, overheads.out_loop_ns
        if each_ns:
            now_ns = max(now_ns, self._loops_ns[machine])
            self._loops_ns[machine] = now_ns + each_ns * len(jobs)
        self._feed.done(machine, len(jobs))
        done_ns = now_ns + overheads.out_ns
        if by_lot := overheads.out_by_lot_ns:
            done_ns += by_lot[int(self._lots.integers(len(by_lot)))]
        for job in jobs:
            done_ns += each_ns
            if self.outcomes.verdicts[job.number] == WAITING:
                self._over(job, ANSWERED, done_ns)

    def _over(self, job: Asked, verdict: int, done_ns: int) -> None:
        if verdict == REFUSED:
            self._feed.done(job.machine, 1)
        self.outcomes.over(job.number, verdict, done_ns)
        if job.client is not None:
            self._agenda.at(max(done_ns, job.queued_ns + LEAST_PAUSE_NS), self._again, job.client)
