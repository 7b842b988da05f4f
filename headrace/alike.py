"""Requests that are counted alike, put together once for all who count them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from operator import attrgetter

import msgspec

from headrace.records import RequestRecord

_OF = attrgetter("model", "version", "protocol", "error")
_TENANT = attrgetter("tenant")


class Alike(msgspec.Struct, frozen=True, gc=False):
    """Requests of one version, asked for in one way, that ended alike; at least one, oldest first."""

    model: str
    version: int | None  # None where no version was found
    protocol: str
    error: str  # a code of `errors.py`, or empty
    requests: Sequence[RequestRecord]
    took_ns: Sequence[int]  # of each, from its arrival to its end
    tenants: Counter[str]  # how many of them are whose


def alike(requests: Sequence[RequestRecord]) -> list[Alike]:
    """All of them, in the order in which the first of each came."""
    found: defaultdict[tuple[str, int | None, str, str], list[RequestRecord]] = defaultdict(list)
    for request, of in zip(requests, map(_OF, requests), strict=True):
        found[of].append(request)
    return [Alike(*of, each, _took_ns(each), Counter(map(_TENANT, each))) for of, each in found.items()]


def _took_ns(requests: Sequence[RequestRecord]) -> list[int]:
    return [request.finished_ns - request.arrived_ns for request in requests]
