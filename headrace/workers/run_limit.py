"""How long one run may take before it counts as hung: learnt from the runs of about its size. Pure."""

LEAST_S = 30.0
TIMES = 20.0  # as long as the slowest of such runs lately
WINDOW = 128  # runs; the slowest of the last one or two windows is about what one in a hundred exceeds


class RunLimit:
    """Owned by whoever sends the runs. A size is any number that grows with the work; only its power of 2 counts."""

    def __init__(self, fixed_s: float, first_s: float) -> None:
        """`fixed_s`: as long as somebody said, for every run; 0: it is learnt.

        `first_s` is for the first run of a size, which may compile what loading did not.
        """
        self._fixed_s = fixed_s
        self._first_s = max(first_s, LEAST_S)
        self._slowest: dict[int, _Slowest] = {}  # by power of 2

    def seconds(self, size: int = 0) -> float:
        """How long a run of this size may take."""
        if self._fixed_s:
            return self._fixed_s
        slowest = self._slowest.get(size.bit_length())
        return self._first_s if slowest is None else max(LEAST_S, TIMES * slowest.seconds)

    def learn(self, seconds: float, size: int = 0) -> None:
        """A run of this size took so long."""
        self._slowest.setdefault(size.bit_length(), _Slowest()).learn(seconds)


class _Slowest:
    """The slowest of the last `WINDOW` runs at least, and of twice as many at most."""

    def __init__(self) -> None:
        self._before = 0.0
        self._now = 0.0
        self._count = 0

    @property
    def seconds(self) -> float:
        return max(self._before, self._now)

    def learn(self, seconds: float) -> None:
        if self._count == WINDOW:
            self._before, self._now, self._count = self._now, 0.0, 0
        self._now = max(self._now, seconds)
        self._count += 1
