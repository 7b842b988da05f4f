"""Whether long requests are let in as often as all."""

from headrace.batching.evenness import Evenness


def seen(long_let_in: int, short_let_in: int, rounds: int = 100) -> Evenness:
    """Of ten long ones and ninety short ones a round, how many are let in."""
    evenness = Evenness()
    for _ in range(rounds):
        for turn in range(90):
            evenness.arrived(is_long=False, let_in=turn < short_let_in)
            if turn % 9 == 0:
                evenness.arrived(is_long=True, let_in=turn // 9 < long_let_in)
    return evenness


def test_at_first_all_is_even() -> None:
    assert Evenness().share == 1.0


def test_where_all_are_refused_alike_it_stays_so() -> None:
    assert seen(10, 90).share == 1.0


def test_where_hardly_a_long_one_is_let_in_nothing_is_even() -> None:
    assert seen(1, 80).share == 0.0


def test_where_hardly_any_are_let_in_long_ones_are_let_in_more_nearly_as_often() -> None:
    assert seen(3, 40).share < seen(8, 90).share < 1.0  # four fifths as often as all, in both


def test_what_was_long_ago_is_forgotten() -> None:
    evenness = seen(1, 80)
    for _ in range(400):
        evenness.arrived(is_long=True, let_in=True)
    assert evenness.share == 1.0
