"""Which variant of a model newcomers go to: the most accurate that keeps up with what is asked for. Pure.

Variants share the cores, so that two of them at once slow each other down: the choice is one for all newcomers, and
holds for a while. INFaaS (ATC 2021) and SuperServe (NSDI 2025) choose for each query or batch instead, on devices of
their own.
"""

from collections.abc import Sequence

import msgspec

FULL = 0.8  # of the machine's time: above, a burst makes requests late
EASY = 0.65  # below which a more accurate variant is taken again
HALF_LIFE_NS = 1_000_000_000
"""How quickly what is asked for is forgotten: bursts are for the queue, and for the next cheaper variant."""

SEEN_AFTER_NS = HALF_LIFE_NS // 4
"""From when on a load that has just begun is taken to go on: where the more accurate variant cannot hold it, each
second that it is tried for makes requests late."""

HOLD_NS = 3 * HALF_LIFE_NS
"""For which a cheaper variant is kept at least, so that answers do not flap."""

LONGEST_HOLD_NS = 8 * HOLD_NS  # where the more accurate one was too slow again and again

REFUSED = 0.1  # of late, from which on a variant does not keep up, whatever its load
FOLLOW = 0.05


class Preference(msgspec.Struct, frozen=True):
    """The variant for newcomers, by its place in order of accuracy, and since when."""

    index: int = 0
    since_ns: int = 0
    hold_ns: int = HOLD_NS  # before a more accurate one is tried


def prefer(now: Preference, loads: Sequence[float], refused: float, now_ns: int) -> Preference:
    """The preference from now on: the same, where nothing speaks against it.

    `loads` says how much of the machine's time everything asked for takes with each variant, the most accurate first;
    `refused` how much of what any of them took the preferred one had refused, of late.
    """
    here = now.index
    if loads[here] > FULL or refused > REFUSED:
        cheaper = [index for index in cheaper_after(here, loads) if loads[index] < loads[here]]
        if not cheaper:
            return now
        index = next((each for each in cheaper if loads[each] <= FULL), cheaper[-1])
        soon = now_ns - now.since_ns < now.hold_ns and now.since_ns > 0
        return Preference(index, now_ns, min(2 * now.hold_ns, LONGEST_HOLD_NS) if soon else HOLD_NS)
    if here and now_ns - now.since_ns >= now.hold_ns:
        better = next((index for index in range(here) if loads[index] <= EASY), None)
        if better is not None:
            return Preference(better, now_ns, now.hold_ns)
    return now


def cheaper_after(index: int, loads: Sequence[float]) -> list[int]:
    """The less accurate variants that are of use: each takes less time than any more accurate one, or is as unknown."""
    found, least = [], min(loads[: index + 1])
    for each in range(index + 1, len(loads)):
        if loads[each] < least or loads[each] == 0.0:
            found.append(each)
            least = loads[each]
    return found
