"""The most accurate variant that keeps up is preferred, and what is preferred does not flap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.variant_choice import (
    EASY,
    FULL,
    HOLD_NS,
    LONGEST_HOLD_NS,
    Preference,
    cheaper_after,
    prefer,
)

LATER = 100 * HOLD_NS
FEW, MANY = 0.02, 0.5  # of what the preferred variant is asked, refused


@pytest.mark.parametrize(
    ("index", "loads", "refused", "then"),
    [
        (0, [0.5, 0.2, 0.1], FEW, 0),
        (0, [0.9, 0.5, 0.3], FEW, 1),  # the most accurate that keeps up
        (0, [2.0, 1.1, 0.6], FEW, 2),
        (0, [4.0, 2.2, 1.2], FEW, 2),  # none does: the cheapest
        (0, [0.5, 0.2, 0.1], MANY, 1),  # its runs are too long, however few
        (1, [0.9, 0.5, 0.3], FEW, 1),
        (1, [0.7, 0.4, 0.2], FEW, 1),  # between full and easy all stays as it is
        (1, [0.6, 0.3, 0.2], FEW, 0),
        (2, [1.3, 0.6, 0.3], FEW, 1),
        (2, [4.0, 2.2, 1.2], MANY, 2),
        (0, [0.9, 1.2, 0.6], FEW, 2),  # slower and less accurate is of no use
        (0, [0.9, 0.9], FEW, 0),
        (0, [0.9, 0.0], FEW, 1),  # nothing is known of it: it is tried
        (0, [0.0, 0.0], FEW, 0),
        (0, [3.0], MANY, 0),
    ],
)
def test_another_is_preferred_where_that_helps(index: int, loads: list[float], refused: float, then: int) -> None:
    assert prefer(Preference(index), loads, refused, LATER).index == then


def test_a_cheaper_one_stays_for_a_while() -> None:
    down = prefer(Preference(), [0.9, 0.4], FEW, LATER)
    assert prefer(down, [0.1, 0.05], FEW, LATER + HOLD_NS - 1) is down
    assert prefer(down, [0.1, 0.05], FEW, LATER + HOLD_NS).index == 0


def test_where_the_more_accurate_one_is_too_slow_again_it_is_tried_less_often() -> None:
    preference, now_ns, holds = Preference(), LATER, []
    for _ in range(7):
        preference = prefer(preference, [0.5, 0.2], MANY, now_ns)
        holds.append(preference.hold_ns // HOLD_NS)
        now_ns += preference.hold_ns
        preference = prefer(preference, [0.5, 0.2], FEW, now_ns)
        assert preference.index == 0
    assert holds == [1, 2, 4, 8, 8, 8, 8]
    now_ns += LONGEST_HOLD_NS  # it did well for as long
    assert prefer(preference, [0.5, 0.2], MANY, now_ns).hold_ns == HOLD_NS


LOADS = st.lists(st.floats(0.01, 5.0), min_size=1, max_size=5)


@given(st.data(), LOADS, st.floats(0, 1), st.integers(0, 20 * HOLD_NS))
def test_what_is_preferred_is_never_worse_in_both(
    data: st.DataObject, loads: list[float], refused: float, passed_ns: int
) -> None:
    now = Preference(data.draw(st.integers(0, len(loads) - 1)), LATER)
    then = prefer(now, loads, refused, LATER + passed_ns)
    if then.index > now.index:
        assert loads[then.index] < min(loads[: then.index])
    elif then.index < now.index:
        assert loads[then.index] <= EASY
        assert passed_ns >= now.hold_ns
    else:
        assert then is now
    assert HOLD_NS <= then.hold_ns <= LONGEST_HOLD_NS


@given(LOADS, st.floats(0, 1))
def test_with_the_same_load_the_choice_comes_to_rest(loads: list[float], refused: float) -> None:
    preference = Preference()
    for _ in range(len(loads) + 1):
        preference = prefer(preference, loads, 0.0, LATER)
    assert prefer(preference, loads, 0.0, LATER) is preference
    assert loads[preference.index] <= FULL or loads[preference.index] == min(loads)


@given(LOADS, st.data())
def test_each_of_the_cheaper_ones_is_cheaper_than_all_that_are_more_accurate(
    loads: list[float], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(loads) - 1))
    found = cheaper_after(index, loads)
    assert all(each > index and loads[each] < min(loads[:each]) for each in found)
    assert found == sorted(found)
