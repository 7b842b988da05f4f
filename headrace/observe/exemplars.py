"""A recent request for each bucket of a histogram: what leads from a figure to a trace. Knows no page."""

from bisect import bisect_left
from collections.abc import Sequence

from headrace.records import RequestRecord

LATEST = 32
"""Requests of one lot that are looked at, beside the slowest: later ones take earlier ones' places anyway."""


class Exemplars:
    """By bucket, the trace, the duration and the end of the latest request; owned by one version's tally."""

    __slots__ = ("_bounds", "by_bucket")

    def __init__(self, bounds: Sequence[int]) -> None:
        self._bounds = bounds
        self.by_bucket: dict[int, tuple[str, int, int]] = {}  # trace id, nanoseconds, `Clock.now_ns`

    def note(self, requests: Sequence[RequestRecord]) -> None:
        """Requests that have a trace, each a W3C traceparent; at least one."""
        for request in (max(requests, key=_took_ns), *requests[-LATEST:]):
            took_ns = _took_ns(request)
            self.by_bucket[bisect_left(self._bounds, took_ns)] = request.trace[3:35], took_ns, request.finished_ns


def _took_ns(request: RequestRecord) -> int:
    return request.finished_ns - request.arrived_ns
