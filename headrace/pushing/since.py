"""What of each series is told, and since when: all from its beginning, or what was added since it was told last."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headrace.pushing.samples import Buckets, Samples

Value = int | float | Buckets
Key = tuple[str, str]
"""A family's name and a series' labels."""


class Told(NamedTuple):
    """A sample as it is sent. A gauge has no beginning: there `since_ns` says nothing."""

    labels: str
    value: Value
    since_ns: int


class Lot(NamedTuple):
    """A family as it is sent."""

    of: Samples
    told: Sequence[Told]


class _Known(NamedTuple):
    """A series, as the collector has it."""

    value: Value
    since_ns: int
    at_ns: int


class Since:
    """Remembers what the collector has; what it did not get is part of what it is told next. Times are Unix time."""

    def __init__(self, delta: bool, began_ns: int) -> None:
        """`began_ns` is when the server's counters were 0."""
        self._delta = delta
        self._before_ns = began_ns  # the last page: what is new since was 0 then
        self._known: dict[Key, _Known] = {}

    def told(self, of: Samples) -> Lot:
        """Of a family, what the collector is to be told. Changes nothing."""
        if of.kind == "gauge":
            return Lot(of, [Told(each.labels, each.value, 0) for each in of.samples])
        return Lot(of, [self._told((of.name, each.labels), each.value) for each in of.samples])

    def sent(self, lot: Lot, at_ns: int) -> None:
        """The collector has these, made of the page of that time."""
        if lot.of.kind == "gauge":
            return
        for sample, told in zip(lot.of.samples, lot.told, strict=True):
            self._known[lot.of.name, sample.labels] = _Known(sample.value, told.since_ns, at_ns)

    def over(self, page: Iterable[Samples], at_ns: int) -> None:
        """All of that page has been tried: series that it does not have are gone, and begin anew if they come back."""
        there = {(of.name, each.labels) for of in page if of.kind != "gauge" for each in of.samples}
        self._known = {key: known for key, known in self._known.items() if key in there}
        self._before_ns = at_ns

    def _told(self, key: Key, value: Value) -> Told:
        known = self._known.get(key)
        if known is None:
            return Told(key[1], value, self._before_ns)
        if _fell(known.value, value):  # a version was loaded anew: it was 0 since
            return Told(key[1], value, known.at_ns)
        if self._delta:
            return Told(key[1], _added(known.value, value), known.at_ns)
        return Told(key[1], value, known.since_ns)


def _fell(before: Value, now: Value) -> bool:
    if isinstance(before, Buckets) and isinstance(now, Buckets):
        return before.bounds != now.bounds or any(a > b for a, b in zip(before.counts, now.counts, strict=True))
    assert not isinstance(before, Buckets) and not isinstance(now, Buckets)
    return now < before


def _added(before: Value, now: Value) -> Value:
    if isinstance(before, Buckets) and isinstance(now, Buckets):
        counts = tuple(b - a for a, b in zip(before.counts, now.counts, strict=True))
        fresh = tuple(each for each in now.exemplars if each not in before.exemplars)
        return Buckets(now.bounds, counts, max(0.0, now.total - before.total), fresh)
    assert not isinstance(before, Buckets) and not isinstance(now, Buckets)
    return now - before
