"""Which requests took far longer than those of their model usually do."""

import math
from collections import deque
from collections.abc import Sequence
from heapq import nlargest

from headrace.alike import Alike

WINDOW = 1000  # requests of a version whose times are remembered
LEAST = 100  # before anything can be told of a version
ANEW = 1000  # requests, after which the limit is found anew
LEAST_NS = 1_000_000  # above the usual: less is nobody's business


class Slow:
    """Tells slow requests from others: by one limit for all, or by what each version's requests took before.

    Without a limit, slow is what takes more than twice as long as 99 in 100 of a version's last thousand.
    """

    def __init__(self, limit_ms: float = 0.0) -> None:
        self._limit_ns = int(limit_ms * 1e6)
        self._usual: dict[tuple[str, int | None], _Usual] = {}

    def which(self, groups: Sequence[Alike]) -> set[int]:
        """The requests that were slow, by identity; one that failed is not."""
        slow: set[int] = set()
        for group in groups:
            if not group.error:
                limit_ns = self._limit_ns or self._of(group.model, group.version).limit_ns
                if max(group.took_ns) > limit_ns:
                    slow.update(id(group.requests[at]) for at, took in enumerate(group.took_ns) if took > limit_ns)
        for group in groups:
            if not group.error and not self._limit_ns:
                self._of(group.model, group.version).learn(group.took_ns)
        return slow

    def _of(self, model: str, version: int | None) -> "_Usual":
        usual = self._usual.get((model, version))
        if usual is None:
            usual = self._usual[model, version] = _Usual()
        return usual


class _Usual:
    """What requests of one version took of late."""

    __slots__ = ("fresh", "limit_ns", "times")

    def __init__(self) -> None:
        self.times: deque[int] = deque(maxlen=WINDOW)
        self.limit_ns = math.inf
        self.fresh = 0  # since the limit was found

    def learn(self, took_ns: Sequence[int]) -> None:
        """Remember these, and find the limit anew, once it is time."""
        self.times.extend(took_ns)
        self.fresh += len(took_ns)
        if self.fresh < (LEAST if self.limit_ns == math.inf else ANEW):
            return
        self.fresh = 0
        slowest = nlargest(len(self.times) - len(self.times) * 99 // 100, self.times)
        usual_ns = slowest[-1]
        self.limit_ns = max(2 * usual_ns, usual_ns + LEAST_NS)
