"""Who gives up seat and memory for whom: those to which nothing was promised, for those that were promised something.

Pure. What is taken from them stays in the prefix cache for as long as it can, so that they lose little but time.
"""

from collections.abc import Sequence as Values

from headrace.llm.promises import is_pressing
from headrace.llm.sequence import Sequence


def first_pressing(waiting: Values[Sequence], now_ns: int) -> Sequence | None:
    """The first that was promised something and of whose time until its first token half is over at least."""
    return next((each for each in waiting if each.terms.asks and is_pressing(each, now_ns)), None)


def next_to_go(running: Values[Sequence]) -> int:
    """Where the one stands that goes when memory runs out: the last to which nothing was promised, or else the last."""
    unpromised = (number for number, each in enumerate(reversed(running)) if not each.terms.asks)
    return len(running) - 1 - next(unpromised, 0)


def who_gives_way(running: Values[Sequence], pressing: Sequence, blocks: int, seats: int) -> list[Sequence]:
    """Those that make room for it, which lacks so much; nobody where it lacks nothing, or all would not be enough."""
    giving: list[Sequence] = []
    for each in reversed(running):
        if blocks <= 0 and seats <= 0:
            return giving
        if not each.terms.asks and each.level >= pressing.level:
            giving.append(each)
            blocks -= len(each.blocks) + 1  # that is kept free for its next one
            seats -= 1
    return giving if blocks <= 0 and seats <= 0 else []
