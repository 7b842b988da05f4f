"""How much of what is predicted on arrival comes true: predictions allow for bad luck, and luck is seldom bad. Pure."""

from bisect import bisect_left, insort
from collections import deque

ALLOWED = 0.04  # of the requests let in, that take longer than their share says; the fewest of these are late
FEWEST = 0.2  # of all, that had little to spare: where there are fewer, one in five of them may take longer
FOLLOW = 1 / 256
KEPT = 256  # shares
ENOUGH = 64  # shares, for a quantile of their own
SUPPOSED = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0)  # shares, that stand beside fewer
LEAST = 0.5  # of what is predicted: below, chance is taken for a rule
MOST = 1.3  # beyond, less is let in than is gained
CLOSE = 0.5  # of the time it has, from which on a prediction matters


class Trust:
    """The share of a predicted wait that only as many exceed as may be late, of those who had little time to spare.

    Only they tell: one that was let in with time to spare says nothing of who should have been refused. The fewer they
    are, the more of them may be late for as many of all. Above 1 where others come before them whom nobody foresaw,
    before those of a tenant that asks for more than its share, which would be let in, and late or given up. What is
    asked for seldom would wait minutes for enough of them: until then some that are supposed count as well, so that a
    few say a little.
    """

    def __init__(self) -> None:
        self.share = 1.0
        self._close = 1.0  # of all, that had little to spare
        self._answered = 1
        self._last: deque[float] = deque()
        self._sorted: list[float] = []

    def copied(self) -> "Trust":
        """One that goes its own way from here."""
        copy = Trust()
        copy.share, copy._close, copy._answered = self.share, self._close, self._answered
        copy._last, copy._sorted = self._last.copy(), self._sorted.copy()
        return copy

    def answered(self, predicted_ns: float, slack_ns: float, took_ns: float) -> None:
        """One that had `slack_ns`, and was predicted to take `predicted_ns` of them, took so long."""
        close = predicted_ns > CLOSE * slack_ns
        self._answered += 1
        self._close += max(FOLLOW, 1 / self._answered) * (close - self._close)
        if not close:
            return
        share = took_ns / predicted_ns
        self._last.append(share)
        insort(self._sorted, share)
        if len(self._last) > KEPT:
            del self._sorted[bisect_left(self._sorted, self._last.popleft())]
        shares = self._sorted if len(self._last) >= ENOUGH else sorted((*self._sorted, *SUPPOSED))
        quantile = 1.0 - ALLOWED / max(self._close, FEWEST)
        self.share = min(MOST, max(LEAST, shares[int(quantile * len(shares))]))
