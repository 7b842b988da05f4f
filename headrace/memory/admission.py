"""Whether a load has room, and what has to happen until it has. Pure."""

from collections.abc import Collection, Sequence
from typing import Generic

import msgspec

from headrace.memory.eviction import Key, Resident, victims
from headrace.memory.sizes import shown


class Fits(msgspec.Struct, frozen=True):
    """There is room now."""


class MakeRoom(msgspec.Struct, Generic[Key], frozen=True):
    """There is, once these have left."""

    keys: tuple[Key, ...]


class WaitForRoom(msgspec.Struct, frozen=True):
    """Others may give back what is missing: they are busy, loading or leaving."""


class NoRoom(msgspec.Struct, frozen=True):
    """Nobody can give back what is missing."""


Verdict = Fits | MakeRoom[Key] | WaitForRoom | NoRoom


def admit(short_bytes: int, residents: Collection[Resident[Key]], others_bytes: int) -> Verdict[Key]:
    """`short_bytes` is what is missing for the load, 0 or less where nothing is.

    `others_bytes` is what loads under way, if they are not pinned, and versions on their way out may give back.
    """
    if short_bytes <= 0:
        return Fits()
    leaving = victims(residents, short_bytes)
    if leaving is not None:
        return MakeRoom(tuple(each.key for each in leaving))
    may_give = sum(each.held_bytes for each in residents if not each.pinned)
    return WaitForRoom() if may_give + others_bytes >= short_bytes else NoRoom()


class Share(msgspec.Struct, frozen=True):
    """A holder of memory and its part, for people."""

    who: str
    num_bytes: int


MOST_NAMED = 8


def why_not(who: str, needed_bytes: int, held_bytes: int, budget_bytes: int, shares: Sequence[Share]) -> str:
    """The refusal with its numbers."""
    largest = sorted(shares, key=lambda share: share.num_bytes, reverse=True)
    named = [f"{share.who} {shown(share.num_bytes)}" for share in largest[:MOST_NAMED]]
    if rest := largest[MOST_NAMED:]:
        named.append(f"{len(rest)} more {shown(sum(share.num_bytes for share in rest))}")
    free = shown(max(0, budget_bytes - held_bytes))
    return (
        f"{who} needs {shown(needed_bytes)} at its peak, and {free} of memory.budget, {shown(budget_bytes)}, are free; "
        f"it is held by: {', '.join(named)}"
    )
