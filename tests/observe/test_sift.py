"""Slow requests are told from others for all who follow."""

from collections.abc import Collection

from headrace.alike import Lot
from headrace.observe.sift import Sift
from headrace.observe.slow import Slow
from tests.observe.make import MS, answered, hand_on, ran


def test_whoever_follows_is_told_of_requests_and_which_were_slow() -> None:
    told: list[tuple[int, list[bool]]] = []

    def follow(lot: Lot, slow: Collection[int]) -> None:
        told.append((len(lot.requests), [id(request) in slow for request in lot.requests]))

    hand_on([answered(), ran(), answered(took_ns=9 * MS)], Sift(Slow(5), [follow, follow]))
    assert told == [(2, [False, True])] * 2
