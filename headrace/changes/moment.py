"""What else moved at the moment of a signal: the model's traffic, its neighbours, the machine. Knows no causes."""

from collections.abc import Iterator, Mapping, Sequence
from math import exp, log

import msgspec
import numpy as np

from headrace.changes.account import Account, Signal
from headrace.changes.change_point import step_near
from headrace.changes.slots import ROW_BUCKETS, TENANTS, Machine, Numbers, Of, Seconds, Slots
from headrace.numerals import numeral

LOOK_S = 60
"""On either side of a moment."""

NEAR_S = 5
"""What moves with a signal moves this near to it."""

STRENGTH = 3.5
LEAST_SLOTS = 6

MOVED = {
    Of.ROWS: (log(1.3) / log(2), "rows of a request", 2.0),
    Of.PROMPT: (log(1.3), "tokens of a prompt", exp(1)),
    Of.ANSWER: (log(1.3), "tokens of an answer", exp(1)),
}
"""Columns of traffic: the least move that matters, what it is, and the base of its logarithm."""

LEAST_TENANT = 0.15
"""Of a tenant's share."""

LEAST_BUSY = 0.12
"""Cores that another model takes more than before."""

LEAST_LOAD = 1.3
LEAST_RATIO = 1.2
LEAST_TAIL = 1.35
MACHINE = {
    Machine.OTHERS: (0.35, "cores that other processes took"),
    Machine.STOLEN: (0.1, "cores that the hypervisor gave to others"),
    Machine.DISK: (0.15, "the share of time in which programs waited for disks"),
    Machine.MEMORY: (0.05, "the share of time in which programs waited for memory"),
}


class Neighbour(msgspec.Struct, frozen=True):
    """Another model that took more of the machine from this moment on."""

    name: str
    before: float  # cores
    after: float
    load: float  # its requests' rate after over before
    why: str


class Moment(msgspec.Struct, frozen=True):
    """What moved with a signal, as numbers and sentences."""

    rate: float  # of requests, after over before; 1 where it did not step
    traffic: Sequence[str]
    mix: float  # log-odds-like size of the moves of traffic; 0 where there are none
    same_rows: float | None  # latency of requests with as many rows, after over before; None: too few to say
    queue: float  # means, after over before
    compute: float
    waits_more: bool  # more time was added to waits than to runs
    neighbours: Sequence[Neighbour]
    machine: Mapping[Machine, tuple[float, float]]  # before and after
    others: int  # models to compare with: asked before and after, and nothing of their own happened to them then
    shifted: Sequence[str]  # those of them that got slower or failed more at the same moment
    client_errors: float  # share of the new errors that are the client's
    late_errors: float
    versions_apart: Mapping[int, float]  # of versions that answered at once after it: latency over the others'


def moment(account: Account, signal: Signal) -> Moment:
    """Looks a minute to either side, and never past where the levels of the signal begin and end."""
    before = account.own.between(max(signal.begin, signal.earliest - LOOK_S), signal.earliest)
    after = account.own.between(signal.at, min(signal.end + 1, signal.at + LOOK_S))
    near_s = NEAR_S + signal.at - signal.earliest
    moves = list(_traffic(account.own, signal.at, near_s))
    neighbours = list(_neighbours(account, signal.at, near_s))
    noisy = {neighbour.name for neighbour in neighbours}
    considered = [
        name
        for name, slots in account.others.items()
        if name not in noisy and _on_both_sides(slots, signal) and not _has_reasons(account, name, signal.at, near_s)
    ]
    return Moment(
        _rate(account, account.own, signal.at, near_s),
        [words for words, _ in moves],
        max((size for _, size in moves), default=0.0),
        _same_rows(before, after),
        _ratio(before.column(Of.QUEUE), after.column(Of.QUEUE)),
        _ratio(before.column(Of.COMPUTE), after.column(Of.COMPUTE)),
        _added(before, after, Of.QUEUE) > _added(before, after, Of.COMPUTE),
        neighbours,
        dict(_machine(account.machine, signal.at, near_s)),
        len(considered),
        [name for name in considered if _got_worse(account.others[name], signal.at, near_s)],
        *_errors(before, after),
        _apart(after),
    )


def _rate(account: Account, slots: Slots, at: float, near_s: float) -> float:
    seconds, counts = _dense(account, slots, Of.COUNT, at)
    step = step_near(seconds, np.log1p(counts), at, near_s)
    return exp(step.after - step.before) if step and step.strength >= STRENGTH else 1.0


def _traffic(slots: Slots, at: float, near_s: float) -> Iterator[tuple[str, float]]:
    for column, (least, what, base) in MOVED.items():
        step = step_near(slots.seconds, slots.column(column), at, near_s)
        if step and step.strength >= STRENGTH and abs(step.after - step.before) >= least:
            words = f"{what} went from {numeral(base**step.before)} to {numeral(base**step.after)}"
            yield words, abs(step.after - step.before) / least
    looked = slots.rows[:, Of.TENANT : Of.TENANT + TENANTS].astype(np.float64)
    total = looked.sum(axis=1)
    some = total > 0
    seconds, shares = slots.seconds[some], looked[some] / total[some, None]
    largest: tuple[str, float] | None = None
    for place in range(TENANTS):
        step = step_near(seconds, shares[:, place], at, near_s)
        if step is None or step.strength < STRENGTH or abs(step.after - step.before) < LEAST_TENANT:
            continue
        name = slots.tenants[place] if place < len(slots.tenants) and place < TENANTS - 1 else None
        who = "other tenants" if name is None else f"tenant {name!r}" if name else "requests without a tenant"
        size = abs(step.after - step.before) / LEAST_TENANT
        if largest is None or size > largest[1]:
            largest = f"the share of {who} went from {step.before:.0%} to {step.after:.0%}", size
    if largest:
        yield largest


def _same_rows(before: Slots, after: Slots) -> float | None:
    """How much slower requests became beside others of as many rows."""
    counts = [
        each.rows[:, Of.BUCKETS : Of.BUCKETS + ROW_BUCKETS].sum(axis=0, dtype=np.float64) for each in (before, after)
    ]
    logs = [
        each.rows[:, Of.BUCKET_LOGS : Of.BUCKET_LOGS + ROW_BUCKETS].sum(axis=0, dtype=np.float64)
        for each in (before, after)
    ]
    both = np.minimum(*counts)
    if both.sum() < 10:
        return None
    means = [total / np.maximum(count, 1) for total, count in zip(logs, counts, strict=True)]
    return exp(float(np.sum(both * (means[1] - means[0])) / both.sum()))


def _ratio(before: Numbers, after: Numbers) -> float:
    before, after = before[~np.isnan(before)], after[~np.isnan(after)]
    if not len(before) or not len(after):
        return 1.0
    least = 1e4  # 10 us: below, a wait is none
    return float((np.median(after) + least) / (np.median(before) + least))


def _added(before: Slots, after: Slots, column: Of) -> float:
    """How much more a mean is than before."""
    values = [each.column(column) for each in (before, after)]
    medians = [float(np.median(good)) if len(good := each[~np.isnan(each)]) else 0.0 for each in values]
    return medians[1] - medians[0]


def _neighbours(account: Account, at: float, near_s: float) -> Iterator[Neighbour]:
    """Models that took more cores from the moment on, and of whom more was asked, or otherwise than before: one that
    merely takes longer suffers as well."""
    for name, slots in account.others.items():
        seconds, busy = _dense(account, slots, Of.BUSY, at)
        step = step_near(seconds, busy, at, near_s)
        if step is None or step.strength < STRENGTH or step.after - step.before < max(LEAST_BUSY, 0.3 * step.before):
            continue
        load = _rate(account, slots, at, near_s)
        rows = step_near(slots.seconds, slots.column(Of.ROWS), at, near_s)
        more_rows = rows is not None and rows.strength >= STRENGTH and rows.after - rows.before >= MOVED[Of.ROWS][0]
        released = any(
            entry.model == name and entry.means == "release" and -NEAR_S <= at - entry.at <= near_s
            for entry in account.entries
        )
        asked_more = load >= LEAST_LOAD and step.after * (1 - 1 / load) >= LEAST_BUSY
        if asked_more or more_rows or released:
            more = "larger requests" if more_rows else "a new version"
            why = f"{numeral(load, 2)}x the requests" if asked_more else more
            yield Neighbour(name, step.before, step.after, load, why)


def _machine(slots: Slots, at: float, near_s: float) -> Iterator[tuple[Machine, tuple[float, float]]]:
    for column, (least, _) in MACHINE.items():
        step = step_near(slots.seconds, slots.column(column), at, near_s)
        if step and step.strength >= STRENGTH and step.after - step.before >= least:
            yield column, (step.before, step.after)


def _on_both_sides(slots: Slots, signal: Signal) -> bool:
    answered = slots.seconds[~np.isnan(slots.rows[:, Of.MIDDLE])] if len(slots.seconds) else slots.seconds
    first, middle, last = np.searchsorted(answered, (signal.at - LOOK_S, signal.at, signal.at + LOOK_S))
    return bool(min(middle - first, last - middle) >= LEAST_SLOTS)


def _has_reasons(account: Account, name: str, at: float, near_s: float) -> bool:
    """Whether something happened to another model itself at that moment: then it says nothing of the others."""
    if any(entry.model == name and entry.means and abs(at - entry.at) <= 3 * NEAR_S for entry in account.entries):
        return True
    slots = account.others[name]
    rows = step_near(slots.seconds, slots.column(Of.ROWS), at, near_s)
    return rows is not None and rows.strength >= STRENGTH and abs(rows.after - rows.before) >= MOVED[Of.ROWS][0]


def _got_worse(slots: Slots, at: float, near_s: float) -> bool:
    for column, least in ((Of.MIDDLE, LEAST_RATIO), (Of.TAIL, LEAST_TAIL)):
        step = step_near(slots.seconds, slots.column(column), at, near_s)
        if step and step.strength >= STRENGTH and step.after - step.before >= log(least):
            return True
    failed = slots.column(Of.SERVER_ERRORS) + slots.column(Of.LATE_ERRORS)  # what clients do wrong is their own affair
    step = step_near(slots.seconds, failed / np.maximum(slots.column(Of.COUNT), 1), at, near_s, floor=0.02)
    return bool(step and step.strength >= STRENGTH and step.after - step.before >= 0.02)


def _errors(before: Slots, after: Slots) -> tuple[float, float]:
    """Of the errors that are new, the shares that are the client's, and that are for want of time or room."""
    grown = []
    for column in (Of.CLIENT_ERRORS, Of.SERVER_ERRORS, Of.LATE_ERRORS):
        shares = [each.column(column).sum() / max(1.0, each.column(Of.COUNT).sum()) for each in (before, after)]
        grown.append(max(0.0, shares[1] - shares[0]))
    total = sum(grown)
    return (float(grown[0] / total), float(grown[2] / total)) if total else (0.0, 0.0)


def _apart(after: Slots) -> Mapping[int, float]:
    """Of each version that answered at least a twentieth: its mean latency over that of the others."""
    counts: dict[int, float] = {}
    logs: dict[int, float] = {}
    for row in after.rows:
        for place in (Of.FIRST, Of.SECOND):
            index = int(row[place])
            if 0 <= index < len(after.versions):
                number = after.versions[index]
                counts[number] = counts.get(number, 0.0) + float(row[place + 1])
                logs[number] = logs.get(number, 0.0) + float(row[place + 2])
    total = sum(counts.values())
    known = [number for number, count in counts.items() if count >= max(5.0, total / 20)]
    found = {}
    for number in known:
        others = [other for other in known if other != number]
        if others:
            rest = sum(logs[other] for other in others) / sum(counts[other] for other in others)
            found[number] = exp(logs[number] / counts[number] - rest)
    return found


def _dense(account: Account, slots: Slots, column: Of, at: float) -> tuple[Seconds, Numbers]:
    """Every second around a moment that the account reaches to: where nothing was seen, nothing happened."""
    first, last = int(max(at - LOOK_S, account.begin)), int(min(at + LOOK_S, account.end))
    near = slots.between(first, last)
    seconds = np.arange(first, max(first, last), dtype=np.int64)
    values = np.zeros(len(seconds))
    if len(near.seconds):
        values[near.seconds - first] = np.nan_to_num(near.column(column))
    return seconds, values
