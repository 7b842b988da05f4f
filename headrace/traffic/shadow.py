"""What was seen of a shadow: how far its answers are from those served, and how long both took."""

from collections import Counter, deque
from collections.abc import Iterable

import msgspec
import numpy as np

from headrace.traffic.gates import Compared
from headrace.traffic.mirror import Answered
from headrace.traffic.plans import Shadow

KEPT = 4096
"""Times that percentiles are of, the latest."""


class Times(msgspec.Struct, frozen=True):
    """Percentiles in milliseconds."""

    p50: float
    p99: float


class ShadowReport(msgspec.Struct, frozen=True):
    """A shadow as its route tells it."""

    version: str
    share: float
    tolerance: float
    dropped: int  # not asked, for there was no room
    failed: int
    compared: int
    beyond: int  # answers further off than the tolerance
    share_beyond: float
    max_absolute_difference: float
    max_relative_difference: float
    served_ms: Times | None  # of the answers that were compared
    shadow_ms: Times | None


class ShadowSeen:
    """A watcher that counts. Owns its counts."""

    def __init__(self, shadow: Shadow) -> None:
        self.shadow = shadow
        self.tolerance = shadow.tolerance
        self.patience_ns = None
        self._compared = Compared()
        self._counts: Counter[str] = Counter()
        self._served_ns: deque[int] = deque(maxlen=KEPT)
        self._shadow_ns: deque[int] = deque(maxlen=KEPT)

    def other(self, version: int) -> tuple[int, float] | None:
        return None if version == self.shadow.version else (self.shadow.version, self.shadow.share)

    def routed(self, version: int, ns: int, run_ns: int, failed: bool) -> None:
        """Nothing of a shadow's."""

    def mirrored(self, answered: Answered | None) -> None:
        if answered is None or answered.difference is None:
            self._counts["dropped" if answered is None else "failed"] += 1
            return
        self._compared.add(answered.difference)
        self._served_ns.append(answered.served_ns)
        self._shadow_ns.append(answered.ns)

    def report(self) -> ShadowReport:
        seen = self._compared
        return ShadowReport(
            str(self.shadow.version),
            self.shadow.share,
            self.shadow.tolerance,
            self._counts["dropped"],
            self._counts["failed"],
            seen.total,
            seen.beyond,
            seen.beyond / seen.total if seen.total else 0.0,
            seen.largest,
            seen.largest_relative,
            percentiles(self._served_ns),
            percentiles(self._shadow_ns),
        )


def percentiles(times_ns: Iterable[int]) -> Times | None:
    """None where there are no times."""
    times = np.fromiter(times_ns, float)
    if not times.size:
        return None
    p50, p99 = np.percentile(times, (50, 99)) / 1e6
    return Times(round(float(p50), 3), round(float(p99), 3))
