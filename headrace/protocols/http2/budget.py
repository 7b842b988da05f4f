"""How much needless work a peer may cause: bursts are forgiven, floods are not."""

from collections.abc import Callable


class Budget:
    """Holds `first` to begin with, and later up to `most`: time and useful work give it."""

    __slots__ = ("_left", "_most", "_now", "_per_s", "_since")

    def __init__(self, most: int, per_s: float, now: Callable[[], float], first: int | None = None) -> None:
        self._most = most
        self._per_s = per_s
        self._now = now
        self._left = float(most if first is None else first)
        self._since = now()

    def take(self) -> bool:
        """Take one; False where none is left, which is the peer's fault."""
        if self._left < 1:
            now = self._now()
            self._left = min(float(self._most), self._left + (now - self._since) * self._per_s)
            self._since = now
            if self._left < 1:
                return False
        self._left -= 1
        return True

    def give(self, count: int = 1) -> None:
        """Something useful was done."""
        if self._left < self._most:
            self._left += count
