"""Requests are picked out of all records for all who follow."""

from collections.abc import Sequence

from headrace.observe.sift import Sift
from headrace.observe.slow import Slow
from headrace.records import Record, RequestRecord
from tests.observe.make import MS, answered, ran


def test_whoever_follows_is_told_of_requests_and_which_were_slow() -> None:
    told: list[tuple[int, list[bool], int]] = []

    def follow(requests: Sequence[RequestRecord], slow: Sequence[bool], records: Sequence[Record]) -> None:
        told.append((len(requests), list(slow), len(records)))

    Sift(Slow(5), [follow, follow])([answered(), ran(), answered(took_ns=9 * MS)])
    assert told == [(2, [False, True], 3)] * 2
