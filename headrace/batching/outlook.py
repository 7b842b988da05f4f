"""What runs of one model are predicted to take as things stand: beside other models' runs, and while others wait. Pure.

`latency.py` is what is known of their times, `busy_runs.py` how those compare of late; here is what both say of a
request.
"""

from headrace.batching.busy_runs import BusyRuns
from headrace.batching.company import Company, Member
from headrace.batching.job import J, Job
from headrace.batching.latency import Latency
from headrace.batching.length_class import longest_of
from headrace.batching.packing import UNKNOWN_NS, Line, Lines
from headrace.batching.policy import Run

LINES_FOR = 8  # runs that the lines of lengths are kept for
MANY = 16  # rows that what a row costs is read off at
BRIEF_NS = 1_000_000  # of a typical run: of such, of a size that is known, few are learned from
TELLING_NS = 10_000_000  # between two that are


class Outlook:
    """Owned by one policy, and shared with whoever decides for it; `latency` may be shared with other instances."""

    def __init__(self, latency: Latency, company: Company, max_size: int) -> None:
        self.latency = latency
        self._member = Member(company)
        self._sizes = Sizes(latency, self._member, max_size)
        self.lines = Lines(self._sizes.line)
        self.busy_runs = BusyRuns()
        self.learned_ns = 0
        """When a run last told something, or what was known was last doubted."""
        self._lines_runs = 0

    # ---- what is predicted

    @property
    def in_company(self) -> bool:
        """Whether other models compute now."""
        return self._member.beside_others

    def both(self, job: Job) -> tuple[float, float]:
        """What its own run typically takes, and at most, ns."""
        return self.latency.both(job.rows, job.length, self._member.beside_others)

    def typical(self, job: Job) -> float:
        """What half of such runs of its own exceed, ns."""
        return self.latency.typical(job.rows, job.length, self._member.beside_others)

    def late_from_ns(self, job: Job, needs: float) -> int:
        """When it would be late even alone and at once, by what it `needs`; what is not measured is not believed."""
        return job.due_ns - int(needs) if self.latency.measured(job.rows, job.length) else job.due_ns

    def good_run_ns(self, job: Job) -> float:
        """What a run takes that is long enough to be worth its fixed cost."""
        return max(self.busy_runs.ns, self.lines[job.length_class].good)

    # ---- what is learned

    def began(self) -> None:
        """One more run of the model is under way."""
        self._member.began()

    def ended(self) -> None:
        """One run less."""
        self._member.ended()

    def ran(self, run: Run[J], began_ns: int, ended_ns: int, *, waited: bool) -> None:
        """A run succeeded, behind which others `waited` or not."""
        often = run.typical_ns < BRIEF_NS and ended_ns - self.learned_ns < TELLING_NS
        if often and self.latency.measured(run.rows, run.length):
            return
        took, self.learned_ns = ended_ns - began_ns, ended_ns
        self.latency.learn(run.rows, run.length, took, run.company or self.in_company)
        self._lines_runs = (self._lines_runs + 1) % LINES_FOR
        if not self._lines_runs:
            self.lines.clear()
        if waited or run.requests > 1:
            self.busy_runs.ran(took, run.typical_ns, sum([job.cost_ns for job in run.jobs]))
        else:
            self.busy_runs.ran_alone(took, run.typical_ns)

    def doubt(self, now_ns: int) -> None:
        """Nothing ran for a while: the machine may be quicker than it was."""
        self.latency.relax()
        self.lines.clear()
        self.learned_ns = now_ns

    def resize(self, max_size: int) -> None:
        """A run may have so many rows from now on."""
        self._sizes.most = max_size
        self.lines.clear()


class Sizes:
    """What runs of each size take; apart from the outlook that owns it, for it must not lead back there in a circle,
    which would wait for the collector."""

    def __init__(self, latency: Latency, member: Member, most: int) -> None:
        self.most = most
        """Rows that a run may have."""
        self._latency = latency
        self._member = member

    def line(self, length_class: int) -> Line:
        """Of this class of length, as things stand."""
        length, latency, company = longest_of(length_class), self._latency, self._member.beside_others
        if not latency.known:
            return Line.of(UNKNOWN_NS, UNKNOWN_NS, self.most)
        one, many = latency.typical(1, length, company), max(2, min(self.most, MANY))
        row = max(0.0, (latency.typical(many, length, company) - one) / (many - 1))
        return Line.of(max(one - row, 1.0), row, self.most)
