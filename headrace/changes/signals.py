"""What got worse for a model and stayed so: latency and errors by the second, and features that drifted."""

from collections.abc import Iterator, Sequence
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from headrace.changes.account import Account, Drifted, Side, Signal
from headrace.changes.change_point import LOOK, Shift, shifts, spread
from headrace.changes.entries import Entry
from headrace.changes.slots import Of, Slots
from headrace.clock import rfc3339
from headrace.numerals import numeral

LEAST_RATIO = 1.2
"""Of medians; for tails, which are noisier, `LEAST_TAIL`."""

LEAST_TAIL = 1.35
LEAST_NS = 100_000
"""Less is no change that anybody notices."""

LEAST_SHARE = 0.01
"""Of requests that fail, more than before."""

LEAST_ERRORS = 5
LEAST_STRENGTH = 4.0
"""Of a move of errors: how noisy a share is, is known."""

SETTLE_S = 2
"""After a version became ready, its first requests are slow whatever it is."""

LONGEST_LOAD_S = 30
"""That seconds are left out for: a load takes the machine's cores, and is over."""

MOST_LEFT_OUT = 0.3
TOGETHER_S = 10
"""Moves of one signal that are nearer are one."""


def signals(account: Account) -> list[Signal]:
    """Oldest first."""
    found = [*latency_signals(account), *error_signals(account.own)]
    for side in ("inputs", "outputs"):
        found += drift_signals(account.drifts, account.model, side)
    return sorted(found, key=lambda each: each.at)


def latency_signals(account: Account) -> Iterator[Signal]:
    """Lasting rises of the median, and of the tail where the median stayed."""
    slots = account.own.only(~np.isnan(account.own.column(Of.MIDDLE)))
    slots = slots.only(_quiet(slots.seconds, account.entries, account.model))
    middle = [(shift, 0.5) for shift in _rises(slots, Of.MIDDLE, LEAST_RATIO)]
    tail = [(shift, 0.9) for shift in _rises(slots, Of.TAIL, LEAST_TAIL)]
    kept = middle + [each for each in tail if all(abs(each[0].at - other.at) > TOGETHER_S for other, _ in middle)]
    for shift, quantile in sorted(kept, key=lambda each: each[0].at):
        before, after = _around(slots, shift)
        yield Signal(
            "latency",
            shift.at,
            shift.at - shift.within_s,
            exp(shift.after - shift.before),
            shift.strength,
            _latencies(before, after, quantile),
            shift.begin,
            shift.end,
        )


def error_signals(slots: Slots) -> Iterator[Signal]:
    """Lasting rises of the share of requests that fail."""
    slots = slots.only(slots.column(Of.COUNT) > 0)
    counts, failed = slots.column(Of.COUNT), slots.errors
    if not failed.sum():
        return
    overall = (failed.sum() + 1) / (counts.sum() + 2)
    floor = np.sqrt(overall * (1 - overall) / counts)
    for shift in shifts(slots.seconds, failed / counts, floor, smooth=False, least=LEAST_STRENGTH):
        before, after = _around(slots, shift)
        share_before = (before.errors.sum() + 0.5) / (before.column(Of.COUNT).sum() + 1)
        share_after = after.errors.sum() / max(1.0, after.column(Of.COUNT).sum())
        if share_after - share_before < LEAST_SHARE or share_after < 2 * share_before:
            continue
        if after.errors.sum() < LEAST_ERRORS:
            continue
        was = before.errors.sum() / max(1.0, before.column(Of.COUNT).sum())
        what = f"the share of requests that fail rose from {was:.2%} to {share_after:.2%}"
        at, earliest = float(shift.at), shift.at - shift.within_s
        ratio = share_after / share_before
        yield Signal("errors", at, earliest, ratio, shift.strength, what, shift.begin, shift.end)


def drift_signals(drifts: Sequence[Drifted], model: str, side: Side) -> Iterator[Signal]:
    """Features of one side that left their references at about the same time are one signal."""
    groups: list[list[Drifted]] = []
    for drift in sorted(drifts, key=lambda each: each.at):
        if drift.model != model or drift.side != side:
            continue
        if groups and drift.at - groups[-1][0].at <= max(30.0, drift.window_s):
            groups[-1].append(drift)
        else:
            groups.append([drift])
    for group in groups:
        top = max(group, key=lambda each: each.ratio)
        first = group[0]
        names = sorted({drift.feature for drift in group})
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        what = f"{side} left their reference: {shown} ({numeral(top.ratio, 2)}x the threshold)"
        begin = first.at - first.window_s
        yield Signal(side, first.at, begin, top.ratio, 10.0, what, begin - LOOK, first.at + LOOK, first.version)


def recovery(account: Account, signal: Signal) -> str:
    """When latency or errors were as before again, in words; "" where they are not."""
    if signal.kind not in ("latency", "errors"):
        return ""
    slots = account.own
    values = slots.column(Of.MIDDLE) if signal.kind == "latency" else slots.error_share
    good = ~np.isnan(values)
    after = next(
        (s for s in shifts(slots.seconds[good], values[good]) if s.at >= signal.end and s.after < s.before), None
    )
    return f"it fell again at {rfc3339(after.at)}" if after is not None else ""


def _rises(slots: Slots, column: Of, least: float) -> list[Shift]:
    values = slots.column(column)
    found = []
    for shift in shifts(slots.seconds, values):
        before, after = _around(slots, shift)
        # A burst that is smoothed into what comes after it raises the mean of the level, and not its median.
        usual, now = np.median(before.column(column)), np.median(after.column(column))
        enough = max(log(least), spread(before.column(column)))
        if min(now - usual, shift.after - shift.before) >= enough and exp(now) - exp(usual) >= LEAST_NS:
            found.append(shift)
    return found


def _around(slots: Slots, shift: Shift) -> tuple[Slots, Slots]:
    before = slots.between(max(shift.begin, shift.at - LOOK), shift.at)
    return before, slots.between(shift.at, min(shift.end, shift.at + LOOK) + 1)


def _latencies(before: Slots, after: Slots, quantile: float) -> str:
    def words(of: float) -> str:
        return f"p{of * 100:.0f} went from {_time(before.latency_ms(of))} to {_time(after.latency_ms(of))}"

    return "; ".join(words(of) for of in (quantile, 0.99))


def _quiet(seconds: NDArray[np.int64], entries: Sequence[Entry], model: str) -> NDArray[np.bool_]:
    """Which seconds had no load under way, nor the first requests after one of this model."""
    quiet = np.ones(len(seconds), np.bool_)
    for entry in entries:
        if entry.kind in ("load", "release", "failed") and entry.began and entry.at - entry.began <= LONGEST_LOAD_S:
            until = entry.at + (SETTLE_S if entry.model == model else 0)
            quiet &= (seconds < int(entry.began)) | (seconds > until)
    return quiet if quiet.sum() >= (1 - MOST_LEFT_OUT) * len(quiet) else np.ones(len(seconds), np.bool_)


def _time(ms: float) -> str:
    """In the unit that suits."""
    return f"{numeral(ms / 1000)} s" if ms >= 1000 else f"{numeral(ms)} ms"
