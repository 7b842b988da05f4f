"""How much of large request bodies the server holds at a time, those of all clients together. Knows no connection."""

from headrace.errors import MemoryFull

UNCOUNTED_BYTES = 64 << 10  # of a body: one that is no larger always has room
UNTAKEN = "answers that clients do not take fill the memory for them; take those before this one, and ask again"

_MOST_LARGEST = 8  # bodies of the largest size that are held at a time
_LEAST_BYTES = 64 << 20  # as large messages have on one connection of HTTP/2
_RETRY_AFTER_S = 1.0


class Bodies:
    """Counts what has come of them until each is over. Who counts a body keeps how much of it was counted."""

    def __init__(self, max_body_bytes: int) -> None:
        self._most_bytes = max(_LEAST_BYTES, _MOST_LARGEST * max_body_bytes)
        self._total = 0

    @property
    def total(self) -> int:
        """Bytes that are counted and not given back."""
        return self._total

    def grown(self, counted: int, size: int) -> int:
        """How much is counted of a body that is `size` bytes by now. Raises MemoryFull where that has no room."""
        if size <= UNCOUNTED_BYTES:
            return counted
        others = self._total - counted  # where there are none there is room for any
        if others and others + size > self._most_bytes:
            what = f"the bodies of requests take up the {self._most_bytes} bytes that they may have together"
            raise MemoryFull(f"{what}; try again", retry_after_s=_RETRY_AFTER_S)
        self._total += size - counted
        return size

    def over(self, counted: int) -> None:
        """A body is not held any more."""
        self._total -= counted


class Counted:
    """One body among them."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._bytes = 0

    def grown(self, size: int) -> None:
        """It is `size` bytes by now. Raises MemoryFull where that has no room."""
        self._bytes = self._bodies.grown(self._bytes, size)

    def over(self) -> None:
        """It is not held any more."""
        counted, self._bytes = self._bytes, 0
        self._bodies.over(counted)
