"""How long answers become: learned from those that ended by themselves. Pure."""

from collections import deque

REMEMBERED = 256  # answers
FEW = 8  # until so many are known, an answer may be as long as it was asked for


class AnswerLengths:
    """Tokens of the last answers."""

    def __init__(self) -> None:
        self._last: deque[int] = deque(maxlen=REMEMBERED)
        self._sorted: list[int] | None = None

    def learn(self, num_tokens: int) -> None:
        """An answer ended with so many."""
        self._last.append(num_tokens)
        self._sorted = None

    def at_most(self, max_tokens: int) -> int:
        """What nine in ten stay below, and none of `max_tokens` exceeds."""
        return min(max_tokens, self._quantile(0.9, max_tokens))

    def usual(self, max_tokens: int) -> int:
        """What half of them stay below; 1 where nobody can say yet."""
        return min(max_tokens, self._quantile(0.5, 1))

    def _quantile(self, share: float, otherwise: int) -> int:
        if len(self._last) < FEW:
            return otherwise
        if self._sorted is None:
            self._sorted = sorted(self._last)
        return max(1, self._sorted[min(len(self._sorted) - 1, int(share * len(self._sorted)))])
