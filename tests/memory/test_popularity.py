"""A model is worth what it is asked for, lately and for long."""

from headrace.memory import popularity
from headrace.memory.popularity import LONG_S, SHORT_S, Popularity


def test_a_model_that_nobody_asked_for_has_no_rate() -> None:
    assert Popularity[str]().rate("a", 5.0) == 0.0
    assert Popularity[str]().last_s("a") is None


def test_the_more_often_asked_for_has_the_higher_rate() -> None:
    counts = Popularity[str]()
    for second in range(60):
        counts.asked("often", second, 2)
        counts.asked("seldom", second)
    assert counts.rate("often", 60) == 2 * counts.rate("seldom", 60) > 0
    assert counts.last_s("often") == 59


def test_of_two_asked_for_as_often_the_later_has_the_higher_rate() -> None:
    counts = Popularity[str]()
    counts.asked("early", 0, 10)
    counts.asked("late", SHORT_S, 10)
    assert counts.rate("late", SHORT_S + 1) > counts.rate("early", SHORT_S + 1)


def test_a_rate_fades_once_nobody_asks() -> None:
    counts = Popularity[str]()
    counts.asked("a", 0, 100)
    rates = [counts.rate("a", now) for now in (0, SHORT_S, LONG_S, 10 * LONG_S)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < rates[0] / 1000


def test_counts_of_those_asked_for_longest_ago_make_room() -> None:
    counts = Popularity[int]()
    for name in range(popularity.MOST + 5):
        counts.asked(name, float(name))
    assert counts.last_s(4) is None
    assert counts.last_s(5) == 5.0
