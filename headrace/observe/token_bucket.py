"""At most so many a second, and so many at once: a decision without a clock of its own."""


class TokenBucket:
    """Holds up to `burst` tokens and gets `rate_per_s` new ones; starts full."""

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._rate_per_ns = rate_per_s / 1e9
        self._burst = burst
        self._tokens = float(burst)
        self._at_ns: int | None = None

    def take(self, now_ns: int) -> bool:
        """Whether a token was there, and is now taken. Time that goes back counts as standing still."""
        if self._at_ns is not None and now_ns > self._at_ns:
            self._tokens = min(self._burst, self._tokens + (now_ns - self._at_ns) * self._rate_per_ns)
        self._at_ns = now_ns if self._at_ns is None else max(now_ns, self._at_ns)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
