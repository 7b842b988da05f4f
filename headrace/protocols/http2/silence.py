"""When a silent connection is asked whether it still lives, and when it is given up: a decision, and no clock."""

from enum import Enum
from typing import NamedTuple

GREETING_S = 10.0
"""A client has so long to say that it speaks HTTP/2, and to finish a frame or a header block that it began."""
PONG_S = 20.0
"""A client has so long to answer a PING."""


class Verdict(Enum):
    WELL = "well"
    PING = "ping"
    STALLED = "stalled"  # it takes nothing of what is there for it
    DEAD = "dead"


class Signs(NamedTuple):
    """What is known of a connection; each time in seconds, of one clock."""

    heard: float  # when bytes last came
    unfinished_since: float | None  # since when it owes the rest of a greeting, a frame, or a header block
    pinged: float | None  # when it was asked, and has not answered
    unsent_since: float | None  # since when something waits to be sent, and none of it was taken


def look(signs: Signs, now: float, patience_s: float) -> Verdict:
    """What to do about a connection."""
    silent_s = now - signs.heard
    if signs.unfinished_since is not None and now - signs.unfinished_since >= GREETING_S:
        return Verdict.DEAD
    if signs.pinged is not None and now - signs.pinged >= PONG_S and silent_s >= PONG_S:
        return Verdict.DEAD
    if signs.unsent_since is not None and now - signs.unsent_since >= patience_s:
        return Verdict.STALLED
    if signs.pinged is None and silent_s >= patience_s:
        return Verdict.PING
    return Verdict.WELL
