"""How a model's traffic moved of late: what clients send, how much, who they are, and whether it is what it takes."""

from collections.abc import Iterator
from math import exp, log

import msgspec
import numpy as np

from headrace.changes.change_point import LOOK, STRENGTH, largest
from headrace.changes.moment import LEAST_TENANT, MOVED
from headrace.changes.slots import TENANTS, Of, Slots
from headrace.numerals import numeral

LEAST_RATE = log(1.5)
LEAST_SHARE = 0.02
"""Of requests that are refused as not what the model takes."""


class Move(msgspec.Struct, frozen=True):
    """One thing that moved."""

    kind: str  # traffic, schema
    at: float  # Unix time
    text: str


def moves(slots: Slots) -> Iterator[Move]:
    """Of the last two minutes that are given, the largest move of each kind of thing."""
    slots = slots.between(slots.seconds[-1] - LOOK, slots.seconds[-1] + 1) if len(slots.seconds) else slots
    for column, (least, what, base) in MOVED.items():
        step = largest(slots.seconds, slots.column(column))
        if step and step.strength >= STRENGTH and abs(step.after - step.before) >= least:
            yield Move(
                "traffic", step.at, f"{what} went from {numeral(base**step.before)} to {numeral(base**step.after)}"
            )
    counts = slots.column(Of.COUNT)
    step = largest(slots.seconds, np.log1p(counts))
    if step and step.strength >= STRENGTH and abs(step.after - step.before) >= LEAST_RATE:
        yield Move(
            "traffic",
            step.at,
            f"requests a second went from {numeral(exp(step.before) - 1)} to {numeral(exp(step.after) - 1)}",
        )
    yield from _tenants(slots)
    wrong = slots.column(Of.CLIENT_ERRORS) / np.maximum(counts, 1)
    step = largest(slots.seconds, wrong, floor=0.02)
    if step and step.strength >= STRENGTH and step.after - step.before >= LEAST_SHARE:
        text = f"requests that are not what the model takes went from {step.before:.1%} to {step.after:.1%}"
        yield Move("schema", step.at, text)


def _tenants(slots: Slots) -> Iterator[Move]:
    looked = slots.rows[:, Of.TENANT : Of.TENANT + TENANTS].astype(np.float64)
    total = looked.sum(axis=1)
    some = total > 0
    for place in range(min(TENANTS - 1, len(slots.tenants))):
        step = largest(slots.seconds[some], looked[some, place] / total[some])
        if step and step.strength >= STRENGTH and abs(step.after - step.before) >= LEAST_TENANT:
            who = f"tenant {slots.tenants[place]!r}" if slots.tenants[place] else "requests without a tenant"
            yield Move("traffic", step.at, f"the share of {who} went from {step.before:.0%} to {step.after:.0%}")
