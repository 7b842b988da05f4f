"""What is kept is decided when it is known what became of a request."""

from collections.abc import Sequence
from random import Random

import pytest

from headrace.alike import lot_of
from headrace.records import RequestRecord
from headrace.tracing.sampling import Sampling
from tests.observe.make import answered, failed
from tests.tracing.make import traced

SECOND = 1_000_000_000


def sampling(ratio: float = 0.0, follows: bool = True, most: int = 1000, drawn: float = 0.5) -> Sampling:
    return Sampling(ratio, follows, most, lambda: drawn)


def kept(chosen: Sampling, requests: Sequence[RequestRecord], slow: Sequence[int] = (), now_ns: int = 0) -> list[int]:
    """The places of those that are; `slow` are those of requests that were."""
    return chosen.keep(lot_of(requests), {id(requests[place]) for place in slow}, now_ns)


def test_a_client_says_for_itself() -> None:
    requests = [traced(sampled=True), traced(sampled=False), answered()]
    assert kept(sampling(), requests) == [0]


def test_of_others_a_share_is_kept() -> None:
    assert kept(sampling(0.6), [answered()]) == [0]
    assert kept(sampling(0.4), [answered()]) == []


def test_the_share_is_the_same_however_many_come_at_once() -> None:
    for size in (1, 7, 100):
        chosen = Sampling(0.2, True, 10_000, Random(size).random)
        drawn = sum(len(kept(chosen, [answered()] * size)) for _ in range(7_000 // size))
        assert drawn == pytest.approx(1_400, rel=0.15)


def test_clients_are_not_followed_where_that_is_not_wanted() -> None:
    requests = [traced(sampled=True), traced(sampled=False)]
    assert kept(sampling(1.0, follows=False), requests) == [0, 1]
    assert kept(sampling(0.0, follows=False), requests) == []


def test_what_failed_or_was_slow_is_always_kept() -> None:
    assert kept(sampling(), [failed("queue_full"), traced(sampled=False), answered()], [1]) == [0, 1]


def test_more_than_so_many_a_second_are_left_out_and_counted() -> None:
    chosen = sampling(1.0, most=3)
    assert len(kept(chosen, [answered()] * 10)) == 3
    assert chosen.left_out == 7
    assert len(kept(chosen, [answered()] * 10, now_ns=SECOND)) == 3


def test_one_in_so_many_of_a_model_is_kept_where_a_client_asked_for_that() -> None:
    chosen = sampling()
    chosen.asked = lambda: {"": (2, -1), "n": (0, 0), "o": (1, 3)}
    assert kept(chosen, [answered()] * 5) == [0, 2, 4]
    assert kept(chosen, [answered("n")] * 5) == []
    assert kept(chosen, [answered("o")] * 5) == [0, 1, 2]


def test_what_is_asked_for_anew_is_counted_anew() -> None:
    chosen = sampling()
    chosen.asked = lambda: {"": (1, 2)}
    kept(chosen, [answered()] * 5)
    assert kept(chosen, [answered()] * 5) == []
    chosen.asked = lambda: {"": (1, 1)}
    assert kept(chosen, [answered()] * 5) == [0]


def test_where_there_are_too_many_those_that_were_drawn_are_left_out_first() -> None:
    requests = [answered(), answered(), failed("internal"), traced()]
    assert kept(sampling(1.0, most=3), requests) == [0, 2, 3]
