"""What one version did in a while, as sums: two whiles that follow one another add up to one."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

import msgspec

from headrace.observe.histogram import DURATION_BOUNDS_NS


class Point(msgspec.Struct, frozen=True, array_like=True):
    """One while of one version. Lists may grow at their end: what was kept by an older server is still read."""

    requests: int = 0  # answered as they should be
    errors: int = 0
    took: tuple[tuple[int, int], ...] = ()  # a bucket of `DURATION_BOUNDS_NS`, and requests in it; none is empty
    took_ns: int = 0  # of all requests together
    waited_ns: int = 0  # in queues
    runs: int = 0
    rows: int = 0  # of those
    reasons: Mapping[str, int] = {}  # why batches were closed
    shed: int = 0
    tokens: int = 0  # written by a language model
    queued: int = 0  # the most that waited when somebody looked
    num_bytes: int = 0  # the most memory that it was seen to take

    @property
    def is_empty(self) -> bool:
        """Nothing happened; what it took of memory does not count."""
        return not (self.requests or self.errors or self.runs or self.shed or self.tokens or self.queued)


def merged(points: Iterable[Point]) -> Point:
    """All of them as one: counts add up, and of what was seen now and then the most is kept."""
    took: Counter[int] = Counter()
    reasons: Counter[str] = Counter()
    sums = dict.fromkeys(("requests", "errors", "took_ns", "waited_ns", "runs", "rows", "shed", "tokens"), 0)
    queued = num_bytes = 0
    for point in points:
        for bucket, count in point.took:
            took[bucket] += count
        reasons.update(point.reasons)
        for name in sums:
            sums[name] += getattr(point, name)
        queued, num_bytes = max(queued, point.queued), max(num_bytes, point.num_bytes)
    return Point(took=tuple(sorted(took.items())), reasons=dict(reasons), queued=queued, num_bytes=num_bytes, **sums)


def quantile(point: Point, share: float, bounds: Sequence[int] = DURATION_BOUNDS_NS) -> float | None:
    """How long the requests up to this share of all took at most, in nanoseconds; None where there were none.

    Within a bucket they are taken to be spread evenly. What is over every bound counts as the highest.
    """
    counts = [count for _, count in point.took]
    if not counts:
        return None
    sums = list(accumulate(counts))
    wanted = share * sums[-1]
    at = min(bisect_left(sums, wanted), len(sums) - 1)
    bucket, count = point.took[at]
    if bucket >= len(bounds):
        return float(bounds[-1])
    below = bounds[bucket - 1] if bucket else 0
    inside = (wanted - (sums[at] - count)) / count
    return below + (bounds[bucket] - below) * min(1.0, max(0.0, inside))
