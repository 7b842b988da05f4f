"""How long texts have been of late. Pure."""

from collections import deque

REMEMBERED = 256
FEW = 8  # until so many are known nobody can say


class RecentLengths:
    """Tokens of the last texts of one kind."""

    def __init__(self) -> None:
        self._last: deque[tuple[int, bool]] = deque(maxlen=REMEMBERED)  # and whether it was cut off
        self._found: dict[tuple[float, int | None], int | None] = {}

    def learn(self, num_tokens: int, cut: bool = False) -> None:
        """There was one of so many, or, where it was `cut` off there, of at least so many."""
        self._last.append((num_tokens, cut))
        self._found.clear()

    def at(self, share: float, most: int | None = None) -> int | None:
        """What this share of them stays below; None where too few are known.

        With `most`, of those of which it is known how long they are, or that they are as long as that.
        """
        key = share, most
        if key not in self._found:
            known = sorted([tokens for tokens, cut in self._last if not cut or most is None or tokens >= most])
            self._found[key] = known[min(len(known) - 1, int(share * len(known)))] if len(known) >= FEW else None
        return self._found[key]
