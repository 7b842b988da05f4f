"""Which waiting requests share the next run: the most urgent one, and those that make the run worth most. Pure.

Rows of one run are padded to the longest of them. Padding costs what the padded tokens cost; leaving a row out costs it
a run of its own. So the run is a window over lengths that holds the most urgent request and has the most useful work a
second, by measured times; and as many rows as the deadline of the most urgent leaves time for.

Where rows are packed, one behind another, none is padded: any may share a run, and each adds what its own length takes.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple

from headrace.batching.job import J, Job
from headrace.batching.queue import Group

LONG_NS = 20_000_000.0  # a run for which an earlier answer to a part of it is worth a second run
EVEN_ROWS = 8  # rows that a run is not cut below
NEARLY = 0.97  # of the best rate, for an earlier answer
WORTH = 0.85  # of the work a second that a run without end would do
EMPTY = (
    1e-3  # of a run's fixed time, that a row is worth beside its own: more rows are worth more where they cost nothing
)
ROUNDED_NS = 1.0  # that sums of the same times may differ by: what fits to the nanosecond is not left out
PATIENCE = 3  # shorter classes that may make a run worse before the next is no longer tried


class Line:
    """What a run of one length takes, in ns: `fixed` and so much more for each row."""

    __slots__ = ("cost", "fixed", "good", "row", "worth")

    def __init__(self, fixed: float, row: float, worth: float, cost: float, good: float) -> None:
        self.fixed = fixed
        self.row = row
        self.worth = worth  # of a row: useful work
        self.cost = cost  # of a row, as it waits: its part of a run that is worth its fixed time, or of the largest
        self.good = good  # what a run takes that is long enough to be worth its fixed time

    @classmethod
    def of(cls, fixed: float, row: float, max_size: int) -> "Line":
        """So much a run of at most so many rows, and so much more a row."""
        cost = max(row / WORTH, row + fixed / max_size)
        return cls(fixed, row, row + EMPTY * fixed, cost, fixed / (1.0 - WORTH))

    def time(self, rows: float) -> float:
        return self.fixed + self.row * rows

    def rows_within(self, limit_ns: float, most: int) -> int:
        """Rows at most that a run may have to end in time."""
        if self.row <= 0.0:
            return most if self.fixed <= limit_ns else 0
        rows = int((limit_ns - self.fixed) / self.row)
        return most if rows >= most else max(0, rows)


UNKNOWN_NS = 1e6  # of a run, and of each row of it: until something is known only the proportion counts


class Lines(dict[int, Line]):
    """By class of length; each is measured when it is first asked for."""

    def __init__(self, measured: Callable[[int], Line]) -> None:
        super().__init__()
        self._measured = measured

    def __missing__(self, length_class: int) -> Line:
        line = self[length_class] = self._measured(length_class)
        return line


class Window:
    """Rows of these classes, the most urgent first, and always the head."""

    __slots__ = ("cut", "longest", "rows", "shortest", "time_ns")

    def __init__(self, shortest: int, longest: int, rows: int, time_ns: float, *, cut: bool = False) -> None:
        self.shortest = shortest  # of the classes, both included
        self.longest = longest
        self.rows = rows
        self.time_ns = time_ns
        self.cut = cut  # there was more to take, and an earlier answer was worth more


class Taken(NamedTuple, Generic[J]):
    """What a run holds."""

    jobs: list[J]
    heavy: bool = False  # more would have been too large
    cut: bool = False  # there was more to take, and an earlier answer was worth more


def best_window(group: Group[J], head: Job, lines_of: Lines, slack: float, most_rows: int) -> Window:
    """The window for a run that must take at most `slack` ns; at least the head itself, be it in time or not.

    Of runs that are nearly as good the shorter is taken where a run takes long: its
    answers come sooner, and those who ask again at once fall out of step.
    """
    head_class = head.length_class
    if len(group.bins) == 1:  # as most models are asked: nothing is to be weighed
        line = lines_of[head_class]
        rows = max(head.rows, line.rows_within(slack, min(group.total_rows, most_rows)))
        return _shortened(head_class, head_class, rows, line, head.rows)
    classes, bins, head_rows = group.classes, group.bins, head.rows
    at = bisect_left(classes, head_class)
    own = lines_of[head_class]
    best_alone, own_work = own.time(head_rows), own.worth * head_rows
    best_rate = own_work / best_alone
    shortest, longest, most = at, at, head_rows
    for end in range(at, len(classes)):
        length_class = classes[end]
        other = line = lines_of[length_class]
        fixed, row = line.fixed, line.row
        room = line.rows_within(slack, most_rows) - head_rows
        if room < 0 or row * head_rows > best_alone:
            break
        index, rows, work, worse = end, head_rows, own_work, 0
        while True:
            taken = min(room, bins[length_class].rows - (head_rows if index == at else 0))
            if taken > 0:
                rows, room, work = rows + taken, room - taken, work + taken * other.worth
                time_ns = fixed + row * rows
                if work > best_rate * time_ns:
                    shortest, longest, most, best_rate = index, end, rows, work / time_ns
                    worse = 0
                else:
                    worse += 1
                if room <= 0 or worse > PATIENCE:
                    break
            index -= 1
            if index < 0:
                break
            length_class = classes[index]
            other = lines_of[length_class]
            if row > other.fixed + other.row:
                break  # a run of its own costs less than filling it up
    return _shortened(classes[shortest], classes[longest], most, lines_of[classes[longest]], head.rows)


def packed_window(group: Group[J], head: Job, lines_of: Lines, slack: float, most_rows: int) -> Window:
    """The same where none is padded: rows of all classes, reckoned with as what waits on the whole."""
    own, waiting = lines_of[head.length_class], group.total_rows
    others = max(1, waiting - head.rows)
    of_all = sum([its.rows * lines_of[length_class].row for length_class, its in group.bins.items()])
    mean = max(0.0, of_all - own.row * head.rows) / others
    line = Line(own.fixed + (own.row - mean) * head.rows, mean, mean, mean, own.good)
    rows = max(head.rows, line.rows_within(slack, min(waiting, most_rows)))
    return _shortened(group.classes[0], group.classes[-1], rows, line, head.rows)


def mean_length(jobs: Sequence[Job], rows: int) -> int:
    """Of the rows of these requests."""
    if len(jobs) == 1:
        return jobs[0].length
    return round(sum([job.rows * job.length for job in jobs]) / rows)


def _shortened(shortest: int, longest: int, most: int, line: Line, least: int) -> Window:
    """As few rows as have nearly the best rate, where all would take long."""
    time_ns = line.time(most)
    if time_ns >= LONG_NS:
        enough = NEARLY * most * line.fixed / (line.fixed + (1 - NEARLY) * line.row * most)
        rows = max(least, min(EVEN_ROWS, most), math.ceil(enough))
        if rows < most:
            return Window(shortest, longest, rows, line.time(rows), cut=True)
    return Window(shortest, longest, most, time_ns)


def chosen(
    head: J,
    candidates: Iterable[J],
    most_rows: int,
    most_bytes: int,
    takes_ns: Callable[[J], float] | None = None,
    most_ns: float = 0.0,
) -> tuple[list[J], bool]:
    """The head and those candidates that fit, the first ones first; and whether only bytes kept others out.

    Where it is said what each of them `takes_ns`, they also fit into `most_ns`.
    """
    jobs, room, num_bytes, heavy = [head], most_rows - head.rows, head.num_bytes, False
    if room <= 0:
        return jobs, heavy
    most_ns += ROUNDED_NS
    for job in candidates:
        if job.rows > room or job is head:
            continue
        if takes_ns is not None:
            if (took := takes_ns(job)) > most_ns:
                continue
            most_ns -= took
        num_bytes += job.num_bytes
        if num_bytes > most_bytes:
            num_bytes -= job.num_bytes
            heavy = True
            continue
        jobs.append(job)
        room -= job.rows
        if not room:
            break
    return jobs, heavy
