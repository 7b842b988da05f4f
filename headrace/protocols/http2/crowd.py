"""Which connections leave where there are too many: a decision, and no sockets."""

from collections.abc import Iterable
from heapq import nsmallest
from typing import NamedTuple, Protocol, TypeVar

GRACE_S = 1.0
"""A connection that was heard so lately stays, or made, if it was answered nothing: it may be about to ask."""
_SHARE = 64  # of those that are there one in so many leaves at once: looking for them takes time


class Standing(NamedTuple):
    """What is known of a connection; the order is that of leaving."""

    served: bool  # something that it asked was answered
    heard: float  # when bytes last came; of one that was answered nothing, when it was made: bytes alone keep no place


class Member(Protocol):
    @property
    def busy(self) -> bool:
        """It waits for something."""
        ...

    @property
    def standing(self) -> Standing: ...


MemberT = TypeVar("MemberT", bound=Member)


def leaving(members: Iterable[MemberT], most: int, now: float) -> list[MemberT]:
    """Those idle for the longest, who never asked for anything before all others; none where all are busy or new."""
    idle = (each for each in members if not each.busy and now - each.standing.heard >= GRACE_S)
    return nsmallest(max(1, most // _SHARE), idle, key=lambda each: each.standing)
