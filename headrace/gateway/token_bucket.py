"""At most so many a second, and so many at once: a decision without a clock of its own."""


class TokenBucket:
    """Holds up to `burst` tokens and gets `rate_per_s` new ones; starts full."""

    __slots__ = ("_at_ns", "_burst", "_rate_per_ns", "_tokens")

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._rate_per_ns = rate_per_s / 1e9
        self._burst = burst
        self._tokens = float(burst)
        self._at_ns: int | None = None

    def take(self, now_ns: int) -> bool:
        """Whether a token was there, and is now taken. Time that goes back counts as standing still."""
        self._fill(now_ns)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait_s(self) -> float:
        """How long after the last look the next token comes; 0 where one is there."""
        return max(0.0, 1 - self._tokens) / self._rate_per_ns / 1e9

    def is_full(self, now_ns: int) -> bool:
        """Whether it is as a new one would be."""
        self._fill(now_ns)
        return self._tokens >= self._burst

    def _fill(self, now_ns: int) -> None:
        if self._at_ns is not None and now_ns > self._at_ns:
            self._tokens = min(self._burst, self._tokens + (now_ns - self._at_ns) * self._rate_per_ns)
        self._at_ns = now_ns if self._at_ns is None else max(now_ns, self._at_ns)
