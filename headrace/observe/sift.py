"""Requests picked out of all records, and told slow from others, once for all who want to know."""

from collections.abc import Callable, Sequence

from headrace.observe.slow import Slow
from headrace.records import GenerationRecord, Record, RequestRecord

Follower = Callable[[Sequence[RequestRecord], Sequence[bool], Sequence[Record]], None]
"""Takes the requests of a while, whether each was slow, and all records among which they came."""


class Sift:
    """A listener of the bus that others follow."""

    def __init__(self, slow: Slow, followers: Sequence[Follower]) -> None:
        self._slow = slow
        self._followers = followers

    def __call__(self, records: Sequence[Record]) -> None:
        requests = [record for record in records if isinstance(record, RequestRecord)]
        slow = self._slow.which(requests)
        for follow in self._followers:
            follow(requests, slow, records)


def generations_of(records: Sequence[Record]) -> dict[str, list[GenerationRecord]]:
    """By the id of their request, in their order."""
    found: dict[str, list[GenerationRecord]] = {}
    for record in records:
        if isinstance(record, GenerationRecord):
            found.setdefault(record.id, []).append(record)
    return found
