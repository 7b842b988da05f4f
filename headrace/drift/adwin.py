"""ADWIN (Bifet and Gavalda 2007): a window of a series that forgets its older part once its mean has changed."""

import math

GRACE = 10  # values that the window must have before it is cut
LEAST = 5  # values on either side of a cut


class Adwin:
    """Takes one value at a time. Memory and time are of the logarithm of how long nothing changed."""

    def __init__(self, delta: float = 0.002, clock: int = 32, max_buckets: int = 5) -> None:
        """`delta` is the chance of a false cut; each `clock` values are cuts looked for."""
        self._delta, self._clock, self._most = delta, clock, max_buckets
        self._begin()

    def _begin(self) -> None:
        self.width = 0
        self.total = 0.0
        self._spread = 0.0  # the sum of squares around the mean
        self._tick = 0
        self._changed = False
        self._rows: list[list[tuple[float, float]]] = [[]]  # of 2**i values each: (sum, spread), the oldest first

    @property
    def mean(self) -> float:
        """Of the values since the last change; right after one, of those since it."""
        return self.total / self.width if self.width else 0.0

    def update(self, value: float) -> bool:
        """Whether the mean is found to have changed. What came before the change is then forgotten, and with the next
        value it begins anew."""
        if self._changed:
            self._begin()
        self._insert(value)
        self._tick += 1
        if self._tick % self._clock or self.width <= GRACE:
            return False
        while self._finds_cut():
            self._changed = True
            self._forget_oldest()
        return self._changed

    def _insert(self, value: float) -> None:
        if self.width:
            self._spread += self.width * (value - self.total / self.width) ** 2 / (self.width + 1)
        self.width += 1
        self.total += value
        self._rows[0].append((value, 0.0))
        size = 1
        for i, row in enumerate(self._rows):
            if len(row) <= self._most:
                return
            (a, spread_a), (b, spread_b) = row[:2]
            del row[:2]
            if i + 1 == len(self._rows):
                self._rows.append([])
            self._rows[i + 1].append((a + b, spread_a + spread_b + (a - b) ** 2 / (2 * size)))
            size *= 2

    def _finds_cut(self) -> bool:
        """Whether some cut parts the window into two whose means differ by more than chance lets them."""
        width, total, least = self.width, self.total, LEAST - 1
        depth = math.log(2 * math.log(width) / self._delta)
        of_variance, of_range = 2 * self._spread / width * depth, 2 / 3 * depth
        old_n, old_total = 0, 0.0
        for i in range(len(self._rows) - 1, -1, -1):
            size, row = 1 << i, self._rows[i]
            for bucket_total, _ in row:
                old_n += size
                old_total += bucket_total
                new_n = width - old_n
                if old_n < LEAST or new_n < LEAST:
                    continue
                both = 1 / (old_n - least) + 1 / (new_n - least)
                bound = math.sqrt(of_variance * both) + of_range * both
                if abs(old_total / old_n - (total - old_total) / new_n) > bound:
                    return True
        return False

    def _forget_oldest(self) -> None:
        size, row = 1 << (len(self._rows) - 1), self._rows[-1]
        bucket_total, bucket_spread = row.pop(0)
        self.width -= size
        self.total -= bucket_total
        apart = (bucket_total / size - self.total / self.width) ** 2
        self._spread -= bucket_spread + size * self.width * apart / (size + self.width)
        while len(self._rows) > 1 and not self._rows[-1]:
            self._rows.pop()
