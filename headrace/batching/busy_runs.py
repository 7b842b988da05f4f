"""What runs take of late while others wait, and how that compares with the sum of their parts. Pure.

Who is let in depends on it, and it is learned from runs of which others waited. So a run that was held up counts as no
more than twice what was foreseen of it, and runs that nobody waited behind do away, slowly, with what was: what refuses
all would never learn that it is over.
"""

FOLLOW = 0.1
FORGET = 0.02  # of a run that nobody waited behind
HELD_UP = 2.0  # times what was foreseen: what takes longer says nothing of the next


class BusyRuns:
    """Owned by one policy."""

    def __init__(self) -> None:
        self.ns = 0.0
        """That one takes; 0 where none did yet."""
        self.times_parts = 1.0
        """How much longer one takes than the sum of its parts."""

    def ran(self, took_ns: float, typical_ns: float, parts_ns: float) -> None:
        """One of which others waited, that was foreseen to take so long; 0 where nothing is known."""
        took_ns = _told(took_ns, typical_ns)
        if parts_ns > 0.0:
            self.times_parts += FOLLOW * (took_ns / parts_ns - self.times_parts)
        self.ns += FOLLOW * (took_ns - self.ns) if self.ns else took_ns

    def ran_alone(self, took_ns: float, typical_ns: float) -> None:
        """One of a single request, behind which nobody waits."""
        self.times_parts += FORGET * (1.0 - self.times_parts)
        if self.ns:
            self.ns += FORGET * (_told(took_ns, typical_ns) - self.ns)


def _told(took_ns: float, typical_ns: float) -> float:
    return min(took_ns, HELD_UP * typical_ns) if typical_ns else took_ns
