"""How much of HTTP's answers waits for clients that do not take them, on all connections together. Knows no answer."""

MOST_BYTES = 1 << 30
"""From here on no large answer is begun: a client may leave one on each of its connections."""


class Untaken:
    """Owned by a server; who has something waiting keeps how much of it was counted."""

    __slots__ = ("_most_bytes", "_total", "full")

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.full = False  # nothing large is to be added
        self._most_bytes = most_bytes
        self._total = 0

    def waits(self, counted: int, num_bytes: int) -> int:
        """Where so much was counted so much waits now, which is returned."""
        self._total += num_bytes - counted
        self.full = self._total >= self._most_bytes
        return num_bytes
