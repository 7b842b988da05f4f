"""What is kept is decided when it is known what became of a request."""

from headrace.tracing.sampling import Sampling
from tests.observe.make import answered, failed
from tests.tracing.make import traced

SECOND = 1_000_000_000


def sampling(ratio: float = 0.0, follows: bool = True, most: int = 1000, drawn: float = 0.5) -> Sampling:
    return Sampling(ratio, follows, most, lambda: drawn)


def test_a_client_says_for_itself() -> None:
    requests = [traced(sampled=True), traced(sampled=False), answered()]
    assert sampling().keep(requests, [False] * 3, 0) == [0]


def test_of_others_a_share_is_kept() -> None:
    assert sampling(0.6).keep([answered()], [False], 0) == [0]
    assert sampling(0.4).keep([answered()], [False], 0) == []


def test_clients_are_not_followed_where_that_is_not_wanted() -> None:
    requests = [traced(sampled=True), traced(sampled=False)]
    assert sampling(1.0, follows=False).keep(requests, [False] * 2, 0) == [0, 1]
    assert sampling(0.0, follows=False).keep(requests, [False] * 2, 0) == []


def test_what_failed_or_was_slow_is_always_kept() -> None:
    assert sampling().keep([failed("queue_full"), traced(sampled=False), answered()], [False, True, False], 0) == [0, 1]


def test_more_than_so_many_a_second_are_left_out_and_counted() -> None:
    chosen = sampling(1.0, most=3)
    assert len(chosen.keep([answered()] * 10, [False] * 10, 0)) == 3
    assert chosen.left_out == 7
    assert len(chosen.keep([answered()] * 10, [False] * 10, SECOND)) == 3


def test_one_in_so_many_of_a_model_is_kept_where_a_client_asked_for_that() -> None:
    chosen = sampling()
    chosen.asked = lambda: {"": (2, -1), "n": (0, 0), "o": (1, 3)}
    assert chosen.keep([answered()] * 5, [False] * 5, 0) == [0, 2, 4]
    assert chosen.keep([answered("n")] * 5, [False] * 5, 0) == []
    assert chosen.keep([answered("o")] * 5, [False] * 5, 0) == [0, 1, 2]


def test_what_is_asked_for_anew_is_counted_anew() -> None:
    chosen = sampling()
    chosen.asked = lambda: {"": (1, 2)}
    chosen.keep([answered()] * 5, [False] * 5, 0)
    assert chosen.keep([answered()] * 5, [False] * 5, 0) == []
    chosen.asked = lambda: {"": (1, 1)}
    assert chosen.keep([answered()] * 5, [False] * 5, 0) == [0]


def test_where_there_are_too_many_those_that_were_drawn_are_left_out_first() -> None:
    requests = [answered(), answered(), failed("internal"), traced()]
    assert sampling(1.0, most=3).keep(requests, [False] * 4, 0) == [0, 2, 3]
