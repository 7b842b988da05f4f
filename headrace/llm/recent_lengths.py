"""How long texts have been of late. Pure."""

from collections import deque

REMEMBERED = 256
FEW = 8  # until so many are known nobody can say


class RecentLengths:
    """Tokens of the last texts of one kind."""

    def __init__(self) -> None:
        self._last: deque[int] = deque(maxlen=REMEMBERED)
        self._sorted: list[int] | None = None

    def learn(self, num_tokens: int) -> None:
        """There was one of so many."""
        self._last.append(num_tokens)
        self._sorted = None

    def at(self, share: float) -> int | None:
        """What this share of them stays below; None where too few are known."""
        if len(self._last) < FEW:
            return None
        if self._sorted is None:
            self._sorted = sorted(self._last)
        return self._sorted[min(len(self._sorted) - 1, int(share * len(self._sorted)))]
