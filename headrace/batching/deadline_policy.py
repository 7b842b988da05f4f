"""The policy that keeps deadlines: predicted times decide who is let in, what shares a run, and what is given up. Pure.

What is let in is predicted to be in time; in order of urgency (priority, then deadline, tenants by fair shares), a run
holds the most urgent request and as much beside it as makes the run worth most (see `packing.py`). Built on Clockwork's
predictions (OSDI 2020), Nexus's early drop (SOSP 2019), Symphony's deferral (arXiv 2308.07470) and virtual token
counters (OSDI 2024). Without deadlines nothing is refused, and what waits is run as soon as an instance is idle.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Generic

import msgspec

from headrace.batching.company import Company
from headrace.batching.demand import Demand
from headrace.batching.job import NO_DEADLINE_NS, J, Job
from headrace.batching.lane import LaneShare, OwnLane
from headrace.batching.lane_order import Head
from headrace.batching.latency import Latency
from headrace.batching.length_class import class_of
from headrace.batching.newcomers import Newcomers
from headrace.batching.outlook import Outlook
from headrace.batching.packing import Taken, best_window, chosen, mean_length, packed_window
from headrace.batching.policy import MOST_AT_INSTANCE, GivenUp, Limits, Reason, Refusal, Run, Wait
from headrace.batching.queue import Group, Queue
from headrace.batching.queue_room import queue_refusal
from headrace.batching.standing import Standings
from headrace.batching.turns import Turns
from headrace.batching.work_ahead import bucket_of

BUSY = 0.6  # of the machine's time asked for: below, waiting for company only adds latency
STARVED_NS = NO_DEADLINE_NS  # in the queue: from then on a request is the most urgent, whatever its priority
HASTE = 0.5  # of a usual run's time: with less left, a request is given up for those behind it
MOST_CUT = 2.5  # times what is typical, that rows are left out of a run for: fewer rows are held up as long
LEAST_PAUSE_NS = 20_000  # below, a timer costs more than the pause can bring; and time left shrinks while one waits
INFINITE = 1e18
CREDIT_NS = 50_000_000.0  # of computing, that a tenant keeps of the share it left unused: a burst is no flood
ALONE = OwnLane()


class DeadlinePolicy(Generic[J]):
    """Owns the queue of one model version, and what is known of its times."""

    def __init__(
        self,
        limits: Limits,
        latency: Latency,
        company: Company,
        weights: Mapping[str, float] | None = None,
        instances: int = 1,
        lane: LaneShare = ALONE,
    ) -> None:
        self.queue: Queue[J] = Queue()
        self.latency = latency
        self.standings = Standings()
        self.demand = Demand()
        self._limits = limits
        self._outlook = Outlook(latency, company, limits.max_size)
        self._turns = Turns(weights or {}, CREDIT_NS)
        self._newcomers = Newcomers(self.queue, self._outlook, self.standings, self._turns, instances)
        self._instances = instances
        self._lane = lane
        self._ends: dict[int, float] = {}  # of the runs under way: when each is predicted to end

    # ---- in

    def admit(self, job: J, now_ns: int) -> Refusal | None:
        self._weigh(job, now_ns)
        self.demand.arrived(now_ns, job.rows, job.cost_ns, job.requests)
        full = queue_refusal(self.queue, job, self._limits, 0.0)
        if full:
            return msgspec.structs.replace(full, retry_after_ns=self._drain_ns(now_ns))
        if job.deadline_ns is None or not self.latency.known:
            return None
        return self._newcomers.arrived(job, job.deadline_ns, now_ns, self._busy_ns(now_ns))

    def foresee(self, job: Job, now_ns: int) -> Refusal | None:
        if job.deadline_ns is None or not self.latency.known:
            return None
        self._weigh(job, now_ns)
        refusal = self._newcomers.least(job, job.deadline_ns, now_ns, self._busy_ns(now_ns))
        if refusal:
            self.demand.arrived(now_ns, job.rows, job.cost_ns)
        return refusal

    def _weigh(self, job: Job, now_ns: int) -> None:
        job.cost_ns = job.rows * self._outlook.lines[job.length_class].cost
        job.bucket = bucket_of(job.level, job.deadline_ns, now_ns)

    def push(self, job: J, now_ns: int) -> None:
        if not self.queue.has(job.tenant):
            self._turns.came(job.tenant, self.queue.work.tenants)
        self.queue.push(job, job.due_ns)

    # ---- out

    def gives_up_ns(self) -> int | None:
        first = self.queue.first_due()
        if first is None:
            return None
        return self._outlook.late_from_ns(first, self._outlook.typical(first))

    def give_up(self, now_ns: int) -> Sequence[GivenUp[J]]:
        """Those that would be late even alone and at once; and, where more waits than is in time, those that leave
        time only for a run of less than half the usual length: the rest gains more than is lost."""
        queue = self.queue
        if queue.first_due() is None:
            return ()
        outlook = self._outlook
        given_up: list[GivenUp[J]] = []
        gone_ns, off = 0.0, outlook.busy_runs.times_parts
        for job in queue.by_deadline():
            left = job.due_ns - now_ns
            needs = outlook.typical(job)
            late = now_ns >= outlook.late_from_ns(job, needs)
            if not late:
                in_no_haste = left >= HASTE * outlook.good_run_ns(job)
                if in_no_haste or (queue.work.total_ns - gone_ns) * off <= left or len(given_up) + 1 == len(queue):
                    break
            gone_ns += job.cost_ns
            self.standings.answered(job.tenant).guard.answered(late)
            given_up.append(GivenUp(job, "late" if late else "overload", now_ns - job.arrived_ns + needs))
        if given_up:
            queue.take([each.job for each in given_up])
        return given_up

    def next(self, now_ns: int, running: int) -> Run[J] | Wait:
        limits = self._limits
        if running and (running >= MOST_AT_INSTANCE or self.queue.rows < limits.max_size):
            return Wait(None)
        head, group = self._most_urgent(now_ns)
        there = group.total_rows if group else head.rows
        if running and there < limits.max_size:
            return Wait(None)
        begins_ns = now_ns + int(self._busy_ns(now_ns)) if running else now_ns
        slack = min(self._slack(head, begins_ns), self._lane.room_ns(now_ns))
        if running and slack < self._outlook.lines[head.length_class].time(head.rows):
            return Wait(None)  # behind the run under way it would be late: what is to be done is seen when that ends
        if not running and there < limits.max_size and (until_ns := self._worth_waiting(head, now_ns, slack)):
            return Wait(until_ns)
        taken = self._taken(head, group, slack, begins_ns) if group and there > head.rows else Taken([head])
        rows = self.queue.take(taken.jobs)
        if self._turns.several:  # what one runs while nobody else waits counts as well: others come back
            self._turns.ran(taken.jobs)
        length = mean_length(taken.jobs, rows) if limits.packed else max([job.length for job in taken.jobs])
        company = self._outlook.in_company
        typical, late = self.latency.both(rows, length, company)
        reason: Reason = "idle"
        if rows >= limits.max_size:
            reason = "full"
        elif taken.heavy:
            reason = "memory"
        elif rows < there and self._outlook.lines[class_of(length)].rows_within(slack, rows + 1) <= rows:
            reason = "deadline"
        elif not running and rows == there and now_ns + LEAST_PAUSE_NS < head.queued_ns + limits.max_delay_ns:
            reason = "deadline"  # it would have waited longer for others
        elif self.queue and not taken.cut:
            reason = "shape"
        return Run(taken.jobs, reason, rows, length, typical, late, company)

    def _taken(self, head: J, group: Group[J], slack: float, begins_ns: int) -> Taken[J]:
        """Of what waits beside the head, what its run holds."""
        limits, lines = self._limits, self._outlook.lines
        find = packed_window if limits.packed else best_window
        window = find(group, head, lines, slack, limits.max_size)
        work = self.queue.work
        by_date = work.is_level and len(work.tenants) == 1  # else the head, whose turn it is, need not be due first
        if by_date and group.total_rows <= window.rows and self.queue.num_bytes <= limits.max_batch_bytes:
            jobs = group.in_one_line()
            if jobs and jobs[0] is head:
                return Taken(jobs, cut=window.cut)
        candidates = self._turns.in_order(group.within(window.shortest, window.longest), self.queue.least_level)
        if not by_date:
            candidates = _due_after(candidates, int(begins_ns + window.time_ns))
        if limits.packed:
            room_ns = window.time_ns - lines[head.length_class].time(head.rows)
            jobs, heavy = chosen(
                head,
                candidates,
                window.rows,
                limits.max_batch_bytes,
                lambda job: lines[job.length_class].row * job.rows,
                room_ns,
            )
        else:
            jobs, heavy = chosen(head, candidates, window.rows, limits.max_batch_bytes)
        return Taken(jobs, heavy, window.cut)

    def head(self, now_ns: int) -> Head:
        """How urgent the request is that the next run must hold; the queue is not empty."""
        job, _ = self._most_urgent(now_ns)
        needs = self._outlook.lines[job.length_class].time(job.rows)
        start_by = job.due_ns - needs if job.deadline_ns is None else now_ns + self._slack(job, now_ns) - needs
        starved = now_ns - job.queued_ns > STARVED_NS
        return Head(0 if starved else job.place[0], job.queued_ns, start_by, needs)

    def began(self, run: Run[J], now_ns: int) -> None:
        self._ends[id(run)] = max(now_ns, self._free_at_ns()) + run.typical_ns
        self._outlook.began()

    def ended(self, run: Run[J], now_ns: int) -> None:
        del self._ends[id(run)]
        self._outlook.ended()

    def resize(self, max_size: int) -> None:
        self._limits = msgspec.structs.replace(self._limits, max_size=max_size)
        self._outlook.resize(max_size)

    def answered(self, run: Run[J], began_ns: int, ended_ns: int, now_ns: int) -> None:
        for job in run.jobs:
            if job.predicted_ns:
                standing = self.standings.answered(job.tenant)
                standing.guard.answered(now_ns > job.due_ns)
                standing.trust.answered(job.foreseen_ns, job.due_ns - job.queued_ns, now_ns - job.queued_ns)
        self.queue.forget()
        self._outlook.ran(run, began_ns, ended_ns, waited=bool(self.queue))

    # ---- what it goes by

    def _most_urgent(self, now_ns: int) -> tuple[J, Group[J] | None]:
        """What the next run must hold, and those that may share it where more waits: nobody waits for ever."""
        queue = self.queue
        oldest = queue.oldest()
        if len(queue) == 1:
            return oldest, None
        if now_ns - oldest.queued_ns > STARVED_NS:
            return oldest, queue.groups[oldest.key]
        if len(queue.work.tenants) > 1:
            tenants = queue.work.tenants
            if queue.work.is_level:
                head = queue.first_of(self._turns.first(tenants))
            else:
                head = min(map(queue.first_of, self._turns.next(tenants)), key=attrgetter("level"))
            return head, queue.groups[head.key]
        groups = queue.groups.values()
        if len(groups) == 1:
            (group,) = groups
            return group.head(), group
        heads = [(group.head(), group) for group in groups]
        return min(heads, key=self._latest_start)

    def _latest_start(self, head: tuple[J, Group[J]]) -> tuple[int, float]:
        """Of two shapes the one goes first that has less time left to begin."""
        level, order_ns, _ = head[0].place
        return level, order_ns - self._outlook.lines[head[0].length_class].time(head[0].rows)

    def _slack(self, head: J, now_ns: int) -> float:
        """What a run with the head in it may take, by what is typical."""
        if head.deadline_ns is None:
            return INFINITE
        line = self._outlook.lines[head.length_class].time(head.rows)
        margin = self.latency.late(head.rows, head.length) / line if self.latency.known else 1.0
        return (head.deadline_ns - now_ns) / min(max(1.0, margin), MOST_CUT)

    def _worth_waiting(self, head: J, now_ns: int, slack: float) -> int | None:
        """Until when to wait for company while an instance is idle; None: not at all.

        As long as the settings say; or, where the machine is busy with others, for the next arrival, if the time of a
        run that it saves is known to be more than the pause. Never longer than one run's fixed cost, and never past
        what the deadline allows, of which as much is left as for those that are let in.
        """
        line = self._outlook.lines[head.length_class]
        spare = self.standings.of(head.tenant).guard.within(slack) - line.time(head.rows) * 2
        until_ns = float(head.queued_ns + self._limits.max_delay_ns)
        others = self.demand.rate(now_ns, head.requests)
        if others > 0.0 and self._limits.max_size > 1 and self.latency.measured(head.rows, head.length):
            pause = 1e9 / others
            pays = 1.5 * pause < line.fixed and now_ns + pause < head.queued_ns + line.fixed
            if pays and self.demand.load(now_ns, head.cost_ns) > BUSY:
                until_ns = max(until_ns, now_ns + pause)
        until_ns = min(until_ns, now_ns + spare)
        return int(until_ns) if until_ns >= now_ns + LEAST_PAUSE_NS else None

    def _busy_ns(self, now_ns: int) -> float:
        """Until an instance is idle, and the lane."""
        others = self._lane.busy_ns(now_ns)
        if len(self._ends) < self._instances:
            return others
        return max(self._free_at_ns() - now_ns, 0.1 * self._outlook.busy_runs.ns, others)

    def _free_at_ns(self) -> float:
        """When an instance is predicted to have nothing more to do: the last of each ends on its own; 0 where one has
        nothing now."""
        ends = self._ends.values()
        if len(ends) < self._instances:
            return 0.0
        return max(ends) if self._instances == 1 else sorted(ends)[-self._instances]

    def overdue_ns(self, now_ns: int) -> float:
        """How much longer than predicted a run has taken by now; 0 or less where none has."""
        return max([now_ns - ends for ends in self._ends.values()], default=0.0)

    def _drain_ns(self, now_ns: int) -> float:
        """Until what waits now is done."""
        return self._busy_ns(now_ns) + self.queue.work.total_ns * self._outlook.busy_runs.times_parts / self._instances


def _due_after(jobs: Iterable[J], ends_ns: int) -> Iterator[J]:
    """Those of them that would be answered in time by a run that ends then."""
    for job in jobs:
        if job.due_ns >= ends_ns:
            yield job
