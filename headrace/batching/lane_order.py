"""Which of several models that share a lane runs next, and for how long it may. Pure.

A run cannot be stopped, so what runs now is what the others wait for. The one with least time left to begin goes first
(Clockwork, OSDI 2020), unless its run would make another late that can go before it without harm.
"""

from collections.abc import Sequence

import msgspec

INFINITE = 1e18


class Head(msgspec.Struct, frozen=True, gc=False):
    """The request of a model that its next run must hold."""

    level: int  # 1 is the highest
    queued_ns: int
    start_by_ns: float = INFINITE  # begun later, it is answered late
    needs_ns: float = 0.0  # what a run of it alone takes
    foreseen: bool = True  # False: nothing is known of times, and it goes by its arrival


def chosen(heads: Sequence[Head], now_ns: float) -> int:
    """The one to run next; where one of them foresees nothing, the first that came."""
    numbers = range(len(heads))
    if not all(head.foreseen for head in heads):
        return min(numbers, key=lambda number: heads[number].queued_ns)
    order = sorted(numbers, key=lambda number: (heads[number].level, heads[number].start_by_ns, number))
    return next((number for number in order if _left_by_others(heads, number, now_ns) > 0.0), order[0])


def room_ns(heads: Sequence[Head], number: int, now_ns: float) -> float:
    """How long the run of one may take so that all others that can still be in time will be.

    INFINITE also where it would make one of them late however short it is: then nothing is gained by a short one.
    """
    left_ns = _left_by_others(heads, number, now_ns)
    return INFINITE if left_ns <= 0.0 else left_ns + heads[number].needs_ns


def _left_by_others(heads: Sequence[Head], number: int, now_ns: float) -> float:
    """How much longer than for the head alone the run may take; below 0: not even so long."""
    mine = heads[number]
    others = [
        head.start_by_ns
        for other, head in enumerate(heads)
        if other != number and head.level <= mine.level and head.start_by_ns >= now_ns
    ]
    return min(others, default=INFINITE) - now_ns - mine.needs_ns
