"""The longest tenth of the requests of late, by what each takes alone: where it begins, what those in it take. Pure."""

SHORTER = 0.9  # of the requests, that are not in it
STEP = 0.05  # by which its border moves, and the mean of those in it
DOWN, UP = 1.0 + STEP * (SHORTER - 1.0), 1.0 + STEP * SHORTER


class LongTenth:
    """Owned by whoever asks about arrivals; the border follows them, whatever their distribution."""

    def __init__(self) -> None:
        self.takes_ns = 0.0
        """What those in it take, on average; 0 before the first arrival."""
        self._begins_ns = 0.0

    def arrived(self, typical_ns: float) -> float:
        """One more came, that typically takes so long: how far on the way to the longest it is, 1 where it is one."""
        begins_ns = self._begins_ns or typical_ns
        if typical_ns < begins_ns:
            self._begins_ns = begins_ns * DOWN
            return typical_ns / begins_ns
        self._begins_ns = begins_ns * UP
        self.takes_ns += STEP * (typical_ns - self.takes_ns) if self.takes_ns else typical_ns
        return 1.0
