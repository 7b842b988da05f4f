"""How soon the next of the requests that a model has leaves, so that another may come: by how those before it left.

No queue is known here and no clock, only when each left.
"""

from collections import deque

_LOOKS_BACK = 32
"""At so many: those that end in one step leave at once, so that a few say little of how long it takes."""

_UNKNOWN_S = 1.0


class Turnover:
    """The mean time from one's leaving to the next's, while there were any."""

    def __init__(self) -> None:
        self._gaps_ns: deque[int] = deque(maxlen=_LOOKS_BACK)
        self._since_ns = 0  # when the last one left, or the first came where there was none

    def came(self, now_ns: int, others: int) -> None:
        """One came beside so many others; where there were none, nothing could leave until now."""
        if not others:
            self._since_ns = now_ns

    def left(self, now_ns: int) -> None:
        """One was answered, or went away."""
        self._gaps_ns.append(now_ns - self._since_ns)
        self._since_ns = now_ns

    @property
    def next_s(self) -> float:
        """In how long one is likely to have left; a second as long as none has."""
        return max(0.001, sum(self._gaps_ns) / len(self._gaps_ns) / 1e9) if self._gaps_ns else _UNKNOWN_S
