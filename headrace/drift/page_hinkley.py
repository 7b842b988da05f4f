"""Page and Hinkley's test: a running sum that notices when a mean has moved, up or down."""


class PageHinkley:
    """Takes one value at a time; begins anew after each change."""

    def __init__(
        self, delta: float = 0.005, threshold: float = 50.0, alpha: float = 1 - 0.0001, min_values: int = 30
    ) -> None:
        """A change of less than `delta` is none; `threshold` is how far the sum must go, `alpha` how fast it fades."""
        self._delta, self._threshold, self._alpha, self._min_values = delta, threshold, alpha, min_values
        self._begin()

    def _begin(self) -> None:
        self._count, self._mean = 0, 0.0
        self._up = self._down = 0.0
        self._least, self._most = float("inf"), -1.0

    def update(self, value: float) -> bool:
        """Whether the mean is found to have moved."""
        self._count += 1
        self._mean += (value - self._mean) / self._count
        off = value - self._mean
        self._up = self._alpha * self._up + off - self._delta
        self._down = self._alpha * self._down + off + self._delta
        self._least, self._most = min(self._least, self._up), max(self._most, self._down)
        if self._count < self._min_values:
            return False
        if max(self._up - self._least, self._most - self._down) <= self._threshold:
            return False
        self._begin()
        return True
