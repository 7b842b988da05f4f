"""Requests one after another, some of them recorded together: each is made a record of its own once somebody looks."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import cast, overload

from headrace.records import BundleRecord, RequestRecord


class Opened:
    """The requests of a bundle. Whoever looks at one of them gets the same record of it."""

    __slots__ = ("_made", "bundle", "error", "model", "protocol", "size", "version")

    def __init__(self, bundle: BundleRecord) -> None:
        first = bundle.first
        self.bundle = bundle
        self.size = len(bundle.ids)
        self.model = first.model
        self.version = first.version
        self.protocol = first.protocol
        self.error = first.error
        self._made: dict[int, RequestRecord] = {}

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: int) -> RequestRecord:
        made = self._made.get(place)
        if made is None:
            made = self._made[place] = self.bundle.request(place)
        return made

    def made(self) -> list[tuple[int, RequestRecord]]:
        """Those that somebody has looked at, with their places."""
        return sorted(self._made.items())

    def __iter__(self) -> Iterator[RequestRecord]:
        return (self[place] for place in range(self.size))

    def __reversed__(self) -> Iterator[RequestRecord]:
        return (self[place] for place in range(self.size - 1, -1, -1))


Part = RequestRecord | Opened
"""One request, or some that were asked as one."""


def size_of(part: Part) -> int:
    """How many requests."""
    return part.size if isinstance(part, Opened) else 1


class RequestList(Sequence[RequestRecord]):
    """These, in their order; they may not change."""

    __slots__ = ("ends", "parts")

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.ends = list(accumulate([part.size if type(part) is Opened else 1 for part in parts]))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    @overload
    def __getitem__(self, index: int) -> RequestRecord: ...

    @overload
    def __getitem__(self, index: slice) -> list[RequestRecord]: ...

    def __getitem__(self, index: int | slice) -> RequestRecord | list[RequestRecord]:
        if isinstance(index, slice):
            return [self._at(place) for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self._at(place)

    def __iter__(self) -> Iterator[RequestRecord]:
        for part in self.parts:
            if isinstance(part, Opened):
                yield from part
            else:
                yield part

    def _at(self, place: int) -> RequestRecord:
        at = bisect_right(self.ends, place)
        part = self.parts[at]
        return part[place - (self.ends[at] - part.size)] if isinstance(part, Opened) else part


def listed(parts: Sequence[Part]) -> Sequence[RequestRecord]:
    """As they are where each was asked alone."""
    return RequestList(parts) if any(type(part) is Opened for part in parts) else cast(Sequence[RequestRecord], parts)


def each_at(requests: Sequence[RequestRecord], places: Iterable[int]) -> Iterator[tuple[RequestRecord, str, int]]:
    """Of each request at these places, which ascend, one that it has all in common with but its id and its arrival,
    and those: none of a bundle is made a record of its own."""
    if not isinstance(requests, RequestList):
        for place in places:
            record = requests[place]
            yield record, record.id, record.arrived_ns
        return
    parts, ends, at = requests.parts, requests.ends, 0
    for place in places:
        at = bisect_right(ends, place, at)
        part = parts[at]
        if type(part) is Opened:
            bundle, inside = part.bundle, place - ends[at] + part.size
            yield bundle.first, bundle.ids[inside], bundle.arrived_ns[inside]
        else:
            part = cast(RequestRecord, part)
            yield part, part.id, part.arrived_ns


def within(requests: Sequence[RequestRecord], some: slice) -> slice:
    """The places of the requests of some of their parts, that are one after another."""
    if not isinstance(requests, RequestList):
        return some
    return slice(requests.ends[some.start - 1] if some.start else 0, requests.ends[some.stop - 1])


def ended_ns(part: Part) -> int:
    """When it was answered."""
    return part.bundle.first.finished_ns if isinstance(part, Opened) else part.finished_ns


def parts_of(requests: Sequence[RequestRecord]) -> Sequence[Part]:
    """The same, without looking at each."""
    return requests.parts if isinstance(requests, RequestList) else requests


def errors_of(requests: Sequence[RequestRecord]) -> list[str]:
    """The codes of those that failed."""
    codes: list[str] = []
    for part in parts_of(requests):
        if part.error:
            codes += [part.error] * size_of(part)
    return codes


def notable_of(requests: Sequence[RequestRecord], slow: Collection[int]) -> list[tuple[int, RequestRecord]]:
    """Those that failed or were slow, by identity, with their places, without looking at the others."""
    found: list[tuple[int, RequestRecord]] = []
    begin = 0
    for part in parts_of(requests):
        if not isinstance(part, Opened):
            if part.error or id(part) in slow:
                found.append((begin, part))
        elif part.error:
            found += enumerate(part, begin)
        else:
            found += [(begin + place, record) for place, record in part.made() if id(record) in slow]
        begin += size_of(part)
    return found


def all_but(places: Collection[int], number: int) -> list[int]:
    """Of so many places those that are not among these."""
    left_out = set(places)
    return [place for place in range(number) if place not in left_out]
