"""Which requests took far longer than those of their model usually do."""

import math
from collections import deque
from collections.abc import Sequence

from headrace.records import RequestRecord

WINDOW = 1000  # requests of a version whose times are remembered
LEAST = 100  # before anything can be told of a version
ANEW = 500  # requests, after which the limit is found anew
LEAST_NS = 1_000_000  # above the usual: less is nobody's business


class Slow:
    """Tells slow requests from others: by one limit for all, or by what each version's requests took before.

    Without a limit, slow is what takes more than twice as long as 99 in 100 of a version's last thousand.
    """

    def __init__(self, limit_ms: float = 0.0) -> None:
        self._limit_ns = int(limit_ms * 1e6)
        self._usual: dict[tuple[str, int], _Usual] = {}

    def which(self, requests: Sequence[RequestRecord]) -> list[bool]:
        """Of each request whether it was slow; one that failed is not."""
        if self._limit_ns:
            limit_ns = self._limit_ns
            return [record.finished_ns - record.arrived_ns > limit_ns and not record.error for record in requests]
        found: list[bool] = []
        model, version, usual = "", -1, _Usual()
        for record in requests:
            if record.error or record.version is None:
                found.append(False)
                continue
            if record.version != version or record.model != model:
                model, version = record.model, record.version
                usual = self._of(model, version)
            took_ns = record.finished_ns - record.arrived_ns
            usual.times.append(took_ns)
            usual.fresh += 1
            found.append(took_ns > usual.limit_ns)
        for usual in self._usual.values():
            usual.learn()
        return found

    def _of(self, model: str, version: int) -> "_Usual":
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

    def learn(self) -> None:
        """Find the limit anew, once it is time."""
        if self.fresh < (LEAST if self.limit_ns == math.inf else ANEW):
            return
        self.fresh = 0
        ordered = sorted(self.times)
        usual_ns = ordered[len(ordered) * 99 // 100]
        self.limit_ns = max(2 * usual_ns, usual_ns + LEAST_NS)
