"""Which requests took far longer than those of their model usually do."""

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
        return [record.version is not None and not record.error and self._is_slow(record) for record in requests]

    def _is_slow(self, record: RequestRecord) -> bool:
        assert record.version is not None
        key = record.model, record.version
        usual = self._usual.get(key)
        if usual is None:
            usual = self._usual[key] = _Usual()
        return usual.exceeded(record.finished_ns - record.arrived_ns)


class _Usual:
    """What requests of one version took of late."""

    __slots__ = ("_left", "_limit_ns", "_times")

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=WINDOW)
        self._limit_ns: int | None = None
        self._left = LEAST

    def exceeded(self, took_ns: int) -> bool:
        self._times.append(took_ns)
        self._left -= 1
        slow = self._limit_ns is not None and took_ns > self._limit_ns
        if not self._left:
            self._left = ANEW
            ordered = sorted(self._times)
            usual_ns = ordered[len(ordered) * 99 // 100]
            self._limit_ns = max(2 * usual_ns, usual_ns + LEAST_NS)
        return slow
