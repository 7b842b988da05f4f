"""The policy that keeps deadlines: predicted times decide who is let in, what shares a run, and what is given up. Pure.

What is let in is predicted to be in time; in order of urgency (priority, then deadline, tenants by fair shares), a run
holds the most urgent request and as much beside it as makes the run worth most (see `packing.py`). Built on Clockwork's
predictions (OSDI 2020), Nexus's early drop (SOSP 2019), Symphony's deferral (arXiv 2308.07470) and virtual token
counters (OSDI 2024). Without deadlines nothing is refused, and what waits is run as soon as an instance is idle.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Generic

import msgspec

from headrace.batching.busy_runs import BusyRuns
from headrace.batching.company import Company
from headrace.batching.demand import Demand
from headrace.batching.evenness import Evenness
from headrace.batching.guard import Guard
from headrace.batching.job import NO_DEADLINE_NS, J, Job
from headrace.batching.lane import LaneShare, OwnLane
from headrace.batching.lane_order import Head
from headrace.batching.latency import Latency
from headrace.batching.length_class import class_of, longest_of
from headrace.batching.likeness import Likeness
from headrace.batching.long_tenth import LongTenth
from headrace.batching.packing import UNKNOWN_NS, Line, Lines, Taken, best_window, chosen
from headrace.batching.policy import MOST_AT_INSTANCE, GivenUp, Limits, Reason, Refusal, Run, Wait, queue_refusal
from headrace.batching.queue import Group, Queue
from headrace.batching.standing import Standings
from headrace.batching.turns import Turns
from headrace.batching.work_ahead import bucket_of

BUSY = 0.6  # of the machine's time asked for: below, waiting for company only adds latency
STARVED_NS = NO_DEADLINE_NS  # in the queue: from then on a request is the most urgent, whatever its priority
LINES_FOR = 8  # runs that the lines of lengths are kept for
LEAST_CAUTION = 0.25  # where hardly a long one is let in: else none would run, and nothing be learned of them
HASTE = 0.5  # of a usual run's time: with less left, a request is given up for those behind it
MOST_TIMES = 4.0  # what is typical, that a run is planned to take at most: one that is held up longer keeps no deadline
MOST_CUT = 2.5  # the same, for which rows are left out of it: fewer rows are held up as long
MANY = 16  # rows that what a row costs is read off at
BRIEF_NS = 1_000_000  # of a typical run: of such, of a size that is known, few are learned from
TELLING_NS = 10_000_000  # between two that are
STALE_NS = 200_000_000  # without a run: what is known of the machine's speed is old
FIND_OUT_NS = 10_000_000_000  # between two requests that are refused by an idle machine, to find out if it should
LEAST_PAUSE_NS = 20_000  # below, a timer costs more than the pause can bring; and time left shrinks while one waits
INFINITE = 1e18
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
        self.evenness = Evenness()
        self._alike = Likeness()
        self._longest = LongTenth()
        self.demand = Demand()
        self._limits = limits
        self._company = company
        self._turns = Turns(weights or {})
        self._instances = instances
        self._lane = lane
        self._ends: dict[int, float] = {}  # of the runs under way: when each is predicted to end
        self._busy_runs = BusyRuns()
        self._lines = Lines.by(self._measured_line)
        self._lines_runs = 0
        self._learned_ns = 0  # when a run last told something
        self._refused_ns: int | None = None  # when one was refused that an idle machine may answer in time, or tried

    # ---- in

    def admit(self, job: J, now_ns: int) -> Refusal | None:
        self._weigh(job, now_ns)
        self.demand.arrived(now_ns, job.rows, job.cost_ns, job.requests)
        full = queue_refusal(self.queue, job, self._limits, 0.0)
        if full:
            return msgspec.structs.replace(full, retry_after_ns=self._drain_ns(now_ns))
        if job.deadline_ns is None or not self.latency.known:
            return None
        self._alike.arrived(job)
        typical, late = self.latency.both(job.rows, job.length, self._company.others(self))
        long = self._longest.arrived(typical)
        refusal = self._foreseen(job, job.deadline_ns, now_ns, (typical, late), long, self.evenness.share)
        self.evenness.arrived(is_long=long == 1.0, let_in=refusal is None)
        return refusal

    def foresee(self, job: Job, now_ns: int) -> Refusal | None:
        if job.deadline_ns is None or not self.latency.known:
            return None
        self._weigh(job, now_ns)
        takes = self.latency.both(job.rows, job.length, self._company.others(self))
        refusal = self._foreseen(job, job.deadline_ns, now_ns, takes, long=1.0, even=0.0)
        if refusal:
            self.demand.arrived(now_ns, job.rows, job.cost_ns)
        return refusal

    def _weigh(self, job: Job, now_ns: int) -> None:
        job.cost_ns = job.rows * self._lines[job.length_class].cost
        job.bucket = bucket_of(job.level, job.deadline_ns, now_ns)

    def _foreseen(
        self, job: Job, deadline_ns: int, now_ns: int, takes: tuple[float, float], long: float, even: float
    ) -> Refusal | None:
        """Whether it would be late, or make others late that wait. `takes` is what its own run typically takes, and at
        most; `long` how far on the way to the longest it is, and `even` how evenly these are let in.

        Believed is less of a prediction, and planned for is all that may come between, the shorter a request is: less
        than either only while that is not to the long ones' cost."""
        work, slack = self.queue.work, deadline_ns - now_ns
        tenants = work.tenants
        typical, needs = takes[0], min(takes[1], MOST_TIMES * takes[0])
        busy, standing, off = self._busy_ns(now_ns), self.standings.of(job.tenant), self._busy_runs.times_parts
        before, behind = 0.0, 0.0
        if tenants:
            before, room = work.around(job.bucket, now_ns + busy)
            if len(tenants) > 1 or job.tenant not in tenants:
                before = min(before, work.fair_share_before(job.tenant, self._turns.weights))
            # As if it were as long as they are, the more the fewer of the long ones are let in: else short ones would
            # take every gap that is too small for them. A run of others may come between, where it is worth more;
            # seldom where its own takes long as well, and never where all are alike.
            between = needs - typical
            if not self._alike:
                between = max(between, min(self._good_run_ns(job), slack / 4))
            caution = 1.0 - (1.0 - max(LEAST_CAUTION, even)) * long
            reserve = (1.0 - self.evenness.share) * max(0.0, self._longest.takes_ns - typical) + caution * between
            needs = typical + reserve
            behind = job.cost_ns * off + reserve - room
        elif not busy:  # a refusal would help nobody: it is let in where it will more likely be in time than not
            needs = typical
        predicted = busy + before * off / self._instances + needs
        job.foreseen_ns = predicted
        predicted *= (believed := 1.0 - (1.0 - standing.trust.share) * (even + (1.0 - even) * long))
        job.predicted_ns = int(now_ns + predicted)
        late = predicted - standing.guard.within(slack)
        if late <= 0.0 and behind <= 0.0:
            return None
        idle = not busy and not tenants
        if idle and self._finds_out(job, standing.guard, predicted <= slack, now_ns):
            return None
        # What is told is what would have to be allowed: with the margin, and with what it would do to those behind.
        foreseen = now_ns - job.arrived_ns + slack + max(late, behind)
        in_vain = self._late_from_ns(job, believed * self.latency.both(job.rows, job.length)[0]) < job.arrived_ns
        again = None if in_vain else max(late, behind, STALE_NS if idle else 0)
        return Refusal("predicted", again, foreseen, float(deadline_ns - job.arrived_ns))

    def _finds_out(self, job: Job, guard: Guard, may_be: bool, now_ns: int) -> bool:
        """Whether it is let in though it would be late, as nothing runs or waits; it `may_be` in time by what its run
        typically takes. Who refuses all learns nothing.

        So a machine that was slow is not taken to be slow for ever; few runs may be wrong altogether, and one that was
        late of late need not be again: what is done about these is done seldom, for mostly they are right.
        """
        if now_ns - self._learned_ns > STALE_NS:
            self.latency.relax()
            self._lines.clear()
            self._learned_ns = now_ns
        measured = self.latency.measured(job.rows, job.length)
        if measured and not may_be:
            return False
        if self._refused_ns is None:
            self._refused_ns = now_ns
        if now_ns - self._refused_ns < FIND_OUT_NS:
            return False
        self._refused_ns = now_ns
        if may_be:
            guard.relax()
        return not measured

    def push(self, job: J, now_ns: int) -> None:
        if not self.queue.has(job.tenant):
            self._turns.came(job.tenant, self.queue.work.tenants)
        self.queue.push(job, job.due_ns)

    # ---- out

    def gives_up_ns(self) -> int | None:
        first = self.queue.first_due()
        if first is None:
            return None
        return self._late_from_ns(first, self.latency.typical(first.rows, first.length, self._company.others(self)))

    def give_up(self, now_ns: int) -> Sequence[GivenUp[J]]:
        """Those that would be late even alone and at once; and, where more waits than is in time, those that leave
        time only for a run of less than half the usual length: the rest gains more than is lost."""
        queue = self.queue
        if queue.first_due() is None:
            return ()
        company = self._company.others(self)
        given_up: list[GivenUp[J]] = []
        waiting_ns, off = queue.work.total_ns, self._busy_runs.times_parts
        for job in queue.by_deadline():
            left = job.due_ns - now_ns
            needs = self.latency.typical(job.rows, job.length, company)
            late = now_ns >= self._late_from_ns(job, needs)
            in_no_haste = left >= HASTE * self._good_run_ns(job) or waiting_ns * off <= left
            if not late and (in_no_haste or len(given_up) + 1 == len(queue)):
                break
            waiting_ns -= job.cost_ns
            self.standings.answered(job.tenant).guard.answered(late)
            given_up.append(GivenUp(job, "late" if late else "overload", now_ns - job.arrived_ns + needs))
        if given_up:
            queue.take([each.job for each in given_up])
        return given_up

    def _late_from_ns(self, job: Job, needs: float) -> int:
        """When it would be late even alone and at once, by what it `needs`; what is not measured is not believed."""
        return job.due_ns - int(needs) if self.latency.measured(job.rows, job.length) else job.due_ns

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
        if running and slack < self._lines[head.length_class].time(head.rows):
            return Wait(None)  # behind the run under way it would be late: what is to be done is seen when that ends
        if not running and there < limits.max_size and (until_ns := self._worth_waiting(head, now_ns, slack)):
            return Wait(until_ns)
        shared = group is not None and len(self.queue.work.tenants) > 1
        taken = self._taken(head, group, slack) if group and there > head.rows else Taken([head])
        rows = self.queue.take(taken.jobs)
        if shared:
            self._turns.ran(taken.jobs)
        length = max([job.length for job in taken.jobs])
        company = self._company.others(self)
        typical, late = self.latency.both(rows, length, company)
        reason: Reason = "idle"
        if rows >= limits.max_size:
            reason = "full"
        elif taken.heavy:
            reason = "memory"
        elif rows < there and self._lines[class_of(length)].rows_within(slack, rows + 1) <= rows:
            reason = "deadline"
        elif not running and rows == there and now_ns + LEAST_PAUSE_NS < head.queued_ns + limits.max_delay_ns:
            reason = "deadline"  # it would have waited longer for others
        elif self.queue and not taken.cut:
            reason = "shape"
        return Run(taken.jobs, reason, rows, length, typical, late, company)

    def _taken(self, head: J, group: Group[J], slack: float) -> Taken[J]:
        """Of what waits beside the head, what its run holds."""
        limits = self._limits
        window = best_window(group, head, self._lines, slack, limits.max_size)
        if group.total_rows <= window.rows and self.queue.num_bytes <= limits.max_batch_bytes:
            jobs = group.in_one_line()
            if jobs and jobs[0] is head:
                return Taken(jobs, cut=window.cut)
        candidates = self._turns.in_order(group.within(window.shortest, window.longest), self.queue.least_level)
        jobs, heavy = chosen(head, candidates, window.rows, limits.max_batch_bytes)
        return Taken(jobs, heavy, window.cut)

    def head(self, now_ns: int) -> Head:
        """How urgent the request is that the next run must hold; the queue is not empty."""
        job, _ = self._most_urgent(now_ns)
        needs = self._lines[job.length_class].time(job.rows)
        start_by = job.due_ns - needs if job.deadline_ns is None else now_ns + self._slack(job, now_ns) - needs
        starved = now_ns - job.queued_ns > STARVED_NS
        return Head(0 if starved else job.place[0], job.queued_ns, start_by, needs)

    def began(self, run: Run[J], now_ns: int) -> None:
        self._ends[id(run)] = max(now_ns, self._free_at_ns()) + run.typical_ns
        self._company.began(self)

    def ended(self, run: Run[J], now_ns: int) -> None:
        del self._ends[id(run)]
        self._company.ended(self)

    def resize(self, max_size: int) -> None:
        self._limits = msgspec.structs.replace(self._limits, max_size=max_size)
        self._lines.clear()

    def answered(self, run: Run[J], began_ns: int, ended_ns: int, now_ns: int) -> None:
        for job in run.jobs:
            if job.predicted_ns:
                standing = self.standings.answered(job.tenant)
                standing.guard.answered(now_ns > job.due_ns)
                standing.trust.answered(job.foreseen_ns, job.due_ns - job.queued_ns, now_ns - job.queued_ns)
        self.queue.forget()
        often = run.typical_ns < BRIEF_NS and ended_ns - self._learned_ns < TELLING_NS
        if not (often and self.latency.measured(run.rows, run.length)):
            self._learn(run, began_ns, ended_ns)

    def _learn(self, run: Run[J], began_ns: int, ended_ns: int) -> None:
        took, self._learned_ns = ended_ns - began_ns, ended_ns
        company = run.company or self._company.others(self)
        self.latency.learn(run.rows, run.length, took, company)
        self._lines_runs = (self._lines_runs + 1) % LINES_FOR
        if not self._lines_runs:
            self._lines.clear()
        if self.queue or run.requests > 1:
            self._busy_runs.ran(took, run.typical_ns, sum([job.cost_ns for job in run.jobs]))
        else:
            self._busy_runs.ran_alone(took, run.typical_ns)

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
        return level, order_ns - self._lines[head[0].length_class].time(head[0].rows)

    def _slack(self, head: J, now_ns: int) -> float:
        """What a run with the head in it may take, by what is typical."""
        if head.deadline_ns is None:
            return INFINITE
        line = self._lines[head.length_class].time(head.rows)
        margin = self.latency.late(head.rows, head.length) / line if self.latency.known else 1.0
        return (head.deadline_ns - now_ns) / min(max(1.0, margin), MOST_CUT)

    def _worth_waiting(self, head: J, now_ns: int, slack: float) -> int | None:
        """Until when to wait for company while an instance is idle; None: not at all.

        As long as the settings say; or, where the machine is busy with others, for the next arrival, if the time of a
        run that it saves is known to be more than the pause. Never longer than one run's fixed cost, and never past
        what the deadline allows, of which as much is left as for those that are let in.
        """
        line = self._lines[head.length_class]
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

    def _measured_line(self, length_class: int) -> Line:
        length, latency, company = longest_of(length_class), self.latency, self._company.others(self)
        if not latency.known:
            return Line.of(UNKNOWN_NS, UNKNOWN_NS, self._limits.max_size)
        one, most = latency.typical(1, length, company), max(2, min(self._limits.max_size, MANY))
        row = max(0.0, (latency.typical(most, length, company) - one) / (most - 1))
        return Line.of(max(one - row, 1.0), row, self._limits.max_size)

    def _good_run_ns(self, job: Job) -> float:
        """What a run takes that is long enough to be worth its fixed cost."""
        return max(self._busy_runs.ns, self._lines[job.length_class].good)

    def _busy_ns(self, now_ns: int) -> float:
        """Until an instance is idle, and the lane."""
        others = self._lane.busy_ns(now_ns)
        if len(self._ends) < self._instances:
            return others
        return max(self._free_at_ns() - now_ns, 0.1 * self._busy_runs.ns, others)

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
        return self._busy_ns(now_ns) + self.queue.work.total_ns * self._busy_runs.times_parts / self._instances
