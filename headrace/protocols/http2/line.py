"""Connections with more to hand on than one turn takes: one of them goes on each round of the loop, in their order.

Whoever asks for little is read in between, and so waits for one such turn at most, however many have much.
"""

from collections import deque
from collections.abc import Callable


class Line:
    """Owns the order of those that wait. What they are called with must not raise."""

    __slots__ = ("_asked", "_call_soon", "_waiting")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: deque[Callable[[], None]] = deque()
        self._asked = False  # the next turn is on its way

    def join(self, go_on: Callable[[], None]) -> None:
        """Have it called once, behind all that wait already."""
        self._waiting.append(go_on)
        if not self._asked:
            self._asked = True
            self._call_soon(self._next)

    def _next(self) -> None:
        self._waiting.popleft()()
        self._asked = bool(self._waiting)
        if self._asked:
            self._call_soon(self._next)
