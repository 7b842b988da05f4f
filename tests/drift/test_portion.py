"""How many requests of a model are looked at follows from what looking takes, and from what others want."""

import math

import pytest

from headrace.drift.portion import CREDIT_S, Looked, Portion, most_each


@pytest.mark.parametrize(
    ("wanted", "room", "most"),
    [((), 1.0, math.inf), ((1.0, 2.0), 4.0, math.inf), ((1.0, 5.0), 4.0, 3.0), ((3.0, 3.0, 3.0), 6.0, 2.0)],
)
def test_who_wants_less_than_an_even_part_has_it_whole(wanted: tuple[float, ...], room: float, most: float) -> None:
    assert most_each(wanted, room) == most


def test_while_something_is_saved_up_all_are_looked_at_and_then_as_many_as_the_share_allows() -> None:
    portion, every = Portion(), []
    for _ in range(3):
        portion.came = 100
        portion.spent(Looked(100, spent_s=CREDIT_S / 2))
        portion.round(1.0, share=CREDIT_S / 20, credit_s=1.0)
        every.append(portion.every)
    assert every == [1, 1, 10]


def test_where_all_together_have_nothing_left_nobody_lives_on_what_it_saved() -> None:
    portion = Portion()
    portion.came = 100
    portion.spent(Looked(10, spent_s=0.001))
    portion.round(1.0, share=0.001, credit_s=0.0)
    assert portion.every == 10
