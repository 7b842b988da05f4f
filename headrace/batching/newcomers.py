"""Who is let in by the policy that keeps deadlines: whoever is predicted to be in time, and makes nobody late. Pure.

Predicted is what stands before a newcomer and what its own run takes. Long requests are let in nearly as often as all:
less is believed of predictions, and less kept free, only while that is not to their cost.
"""

from typing import Any

from headrace.batching.guard import Guard
from headrace.batching.job import Job
from headrace.batching.likeness import Likeness
from headrace.batching.long_tenth import LongTenth
from headrace.batching.outlook import Outlook
from headrace.batching.policy import Refusal
from headrace.batching.queue import Queue
from headrace.batching.standing import Standings
from headrace.virtual_counters import VirtualCounters

LEAST_CAUTION = 0.25  # where hardly a long one is let in: else none would run, and nothing be learned of them
MOST_TIMES = 4.0  # what is typical, that a run is planned to take at most: one that is held up longer keeps no deadline
STALE_NS = 200_000_000  # without a run: what is known of the machine's speed is old
FIND_OUT_NS = 10_000_000_000  # between two requests that are refused by an idle machine, to find out if it should


class Newcomers:
    """Owned by one policy, with which it shares what waits, what is known of runs, and how tenants stand."""

    def __init__(
        self, queue: Queue[Any], outlook: Outlook, standings: Standings, turns: VirtualCounters, instances: int
    ) -> None:
        self._queue = queue
        self._outlook = outlook
        self._standings = standings
        self._turns = turns
        self._instances = instances
        self._alike = Likeness()
        self._longest = LongTenth()
        self._refused_ns: int | None = None  # when one was refused that an idle machine may answer in time, or tried

    def arrived(self, job: Job, deadline_ns: int, now_ns: int, busy_ns: float) -> Refusal | None:
        """Why one more is not let in, where an instance is idle in `busy_ns`; what is predicted is noted on the job."""
        self._alike.arrived(job)
        takes = self._outlook.both(job)
        long = self._longest.arrived(takes[0])
        evenness = self._standings.of(job.tenant).evenness
        refusal = self._foreseen(job, deadline_ns, now_ns, busy_ns, takes, long, evenness.share)
        evenness.arrived(is_long=long == 1.0, let_in=refusal is None)
        return refusal

    def least(self, job: Job, deadline_ns: int, now_ns: int, busy_ns: float) -> Refusal | None:
        """As `arrived`, of the least that a caller may send; nothing is learned from it."""
        return self._foreseen(job, deadline_ns, now_ns, busy_ns, self._outlook.both(job), 1.0, 0.0)

    def _foreseen(
        self,
        job: Job,
        deadline_ns: int,
        now_ns: int,
        busy_ns: float,
        takes: tuple[float, float],
        long: float,
        even: float,
    ) -> Refusal | None:
        """Whether it would be late, or make others late that wait. `takes` is what its own run typically takes, and at
        most; `long` how far on the way to the longest it is, and `even` how evenly these are let in.

        Believed is less of a prediction, and planned for is all that may come between, the shorter a request is: less
        than either only while that is not to the long ones' cost."""
        work, standing, slack = self._queue.work, self._standings.of(job.tenant), float(deadline_ns - now_ns)
        typical, needs = takes
        needs = min(needs, MOST_TIMES * typical)
        predicted, behind = busy_ns, 0.0
        if tenants := work.tenants:
            before, room = work.around(job.bucket, now_ns + busy_ns)
            if len(tenants) > 1 or job.tenant not in tenants:
                before = min(before, work.fair_share_before(job.tenant, self._turns))
            times_parts = self._outlook.busy_runs.times_parts
            predicted += before * times_parts / self._instances
            # As if it were as long as they are, the more the fewer of the long ones are let in: else short ones would
            # take every gap that is too small for them. A run of others may come between, where it is worth more;
            # seldom where its own takes long as well, and never where all are alike.
            between = needs - typical
            if not self._alike.holds:
                between = max(between, min(self._outlook.good_run_ns(job), 0.25 * slack))
            caution = 1.0 - (1.0 - (even if even > LEAST_CAUTION else LEAST_CAUTION)) * long
            reserve = caution * between
            if standing.evenness.share < 1.0 and self._longest.takes_ns > typical:
                reserve += (1.0 - standing.evenness.share) * (self._longest.takes_ns - typical)
            needs = typical + reserve
            behind = job.cost_ns * times_parts + reserve - room
        elif not busy_ns:  # a refusal would help nobody: it is let in where it will more likely be in time than not
            needs = typical
        job.foreseen_ns = predicted = predicted + needs
        trust = standing.trust.share
        if trust <= 1.0:
            believed = 1.0 - (1.0 - trust) * (even + (1.0 - even) * long)
        else:  # tenants that have more of their share left come before it, whom nobody foresaw; else it was bad luck
            believed = trust if len(tenants) > 1 else 1.0
        predicted *= believed
        job.predicted_ns = int(now_ns + predicted)
        late = predicted - standing.guard.within(slack)
        if late <= 0.0 and behind <= 0.0:
            return None
        idle = not busy_ns and not tenants
        if idle and self._finds_out(job, standing.guard, predicted <= slack, now_ns):
            return None
        # What is told is what would have to be allowed: with the margin, and with what it would do to those behind.
        more, allowed = max(late, behind), deadline_ns - job.arrived_ns
        again = max(more, STALE_NS) if idle else more
        in_vain = believed * typical > allowed and self._in_vain(job, min(believed, 1.0), allowed)
        return Refusal("predicted", None if in_vain else again, allowed + more, float(allowed))

    def _in_vain(self, job: Job, believed: float, allowed: int) -> bool:
        """Whether it would be late even alone, by that share of what is predicted, where its size was measured."""
        latency, rows, length = self._outlook.latency, job.rows, job.length
        return allowed < 0 or (latency.measured(rows, length) and believed * latency.typical(rows, length) > allowed)

    def _finds_out(self, job: Job, guard: Guard, may_be: bool, now_ns: int) -> bool:
        """Whether it is let in though it would be late, as nothing runs or waits; it `may_be` in time by what its run
        typically takes. Who refuses all learns nothing.

        So a machine that was slow is not taken to be slow for ever; few runs may be wrong altogether, and one that was
        late of late need not be again: what is done about these is done seldom, for mostly they are right.
        """
        if now_ns - self._outlook.learned_ns > STALE_NS:
            self._outlook.doubt(now_ns)
        measured = self._outlook.latency.measured(job.rows, job.length)
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
