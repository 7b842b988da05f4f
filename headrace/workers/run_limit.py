"""How long one run may take before it counts as hung: learnt from the runs of about its size. Pure."""

LEAST_S = 30.0
TIMES = 20.0  # as long as the slowest of such runs lately
BRIEF_NS = int(LEAST_S / TIMES * 1e9)  # runs that are no longer leave a limit where it is at least
WINDOW = 128  # runs; the slowest of the last one or two windows is about what one in a hundred exceeds


class RunLimit:
    """Owned by whoever sends the runs. A size is any number that grows with the work; only its power of 2 counts."""

    def __init__(self, fixed_s: float, first_s: float) -> None:
        """`fixed_s`: as long as somebody said, for every run; 0: it is learnt.

        `first_s` is for the first run of a size, which may compile what loading did not.
        """
        self._fixed_s = fixed_s
        self._first_s = max(first_s, LEAST_S)
        self._limits: dict[int, SizeLimit] = {}  # by power of 2

    def of(self, size: int = 0) -> "SizeLimit":
        """That of runs of this size."""
        power = size.bit_length()
        limit = self._limits.get(power)
        if limit is None:
            limit = self._limits[power] = SizeLimit(self._fixed_s, self._first_s)
        return limit

    def seconds(self, size: int = 0) -> float:
        """How long a run of this size may take."""
        return self.of(size).seconds

    def learn(self, seconds: float, size: int = 0) -> None:
        """A run of this size took so long."""
        self.of(size).learn(seconds)


class SizeLimit:
    """By the slowest of the last `WINDOW` runs at least, and of twice as many at most."""

    __slots__ = ("_before", "_count", "_is_fixed", "_now", "notable_ns", "seconds")

    def __init__(self, fixed_s: float, first_s: float) -> None:
        self.seconds = fixed_s or first_s  # that a run may take
        self.notable_ns = 0  # a run that took less changes nothing, and need not be told
        self._is_fixed = fixed_s > 0
        self._before = 0.0
        self._now = 0.0
        self._count = 0

    def learn(self, seconds: float) -> None:
        """A run took so long."""
        if self._count == WINDOW:
            self._before, self._now, self._count = self._now, 0.0, 0
        self._now = max(self._now, seconds)
        self._count += 1
        least_s = TIMES * max(self._before, self._now)
        if not self._is_fixed:
            self.seconds = max(LEAST_S, least_s)
        self.notable_ns = BRIEF_NS if self._is_fixed or least_s <= LEAST_S else 0
