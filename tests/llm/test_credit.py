"""How far a sequence is ahead of its pace, and what a step may take for that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.credit import MOST_PACES, Pace, divided, step_limit_s
from headrace.llm.step_time import StepShape, decode_shape

MS = 1_000_000


def pace(tpot_ms: int, *token_ms: int) -> Pace:
    """One with a token at each of these times."""
    made = Pace(tpot_ms * MS)
    for count, at_ms in enumerate(token_ms, start=1):
        made.note(count, at_ms * MS)
    return made


def test_the_next_token_is_due_one_pace_after_the_last_was() -> None:
    assert pace(50, 0).credit_s(0, 1.0) == pytest.approx(0.05)
    assert pace(50, 0, 10, 20).credit_s(20 * MS, 1.0) == pytest.approx(0.13)
    assert pace(50, 0, 90).credit_s(110 * MS, 1.0) == pytest.approx(-0.01)


def test_only_a_share_of_the_pace_is_planned_with() -> None:
    assert pace(50, 0, 10).credit_s(10 * MS, 0.8) == pytest.approx(0.07)


def test_its_mean_is_of_the_gaps_alone() -> None:
    assert pace(50, 7).mean_ns() is None
    assert pace(50, 100, 130, 180).mean_ns() == 40 * MS


def test_several_tokens_at_once_count_as_several() -> None:
    made = Pace(50 * MS)
    made.note(1, 0)
    made.note(5, 100 * MS)
    assert made.mean_ns() == 25 * MS
    assert made.credit_s(100 * MS, 1.0) == pytest.approx(0.15)


def test_nobody_with_a_pace_limits_nothing() -> None:
    assert step_limit_s([], 0, 1.0) is None
    assert step_limit_s([pace(50)], 0, 1.0) is None


def test_on_schedule_a_step_may_take_as_long_as_the_pace() -> None:
    assert step_limit_s([pace(50, 0)], 0, 1.0) == pytest.approx(0.05)


def test_half_of_the_least_credit_is_spent_and_never_more_than_two_paces() -> None:
    ahead, on_time = pace(50, 0, 10), pace(50, 0)
    assert step_limit_s([ahead], 10 * MS, 1.0) == pytest.approx(0.07)
    assert step_limit_s([ahead, on_time], 10 * MS, 1.0) == pytest.approx(0.045)
    assert step_limit_s([pace(50, *range(100))], 99 * MS, 1.0) == pytest.approx(MOST_PACES * 0.05)


def test_who_is_late_leaves_no_time_for_others() -> None:
    assert step_limit_s([pace(50, 0)], 500 * MS, 1.0) == 0.0


def seconds(shape: StepShape) -> float:
    return 0.01 * shape.tokens


def split(*paces: Pace | None, limit_s: float, now_ms: int) -> tuple[list[int], list[int]]:
    return divided(
        [(index, each, decode_shape(10)) for index, each in enumerate(paces)], limit_s, seconds, now_ms * MS, 1.0
    )


def test_where_all_fit_nobody_is_held_back() -> None:
    assert split(pace(100, 0, 1), pace(100, 0, 1), limit_s=0.02, now_ms=1) == ([0, 1], [])


def test_those_with_most_credit_are_held_back_until_the_rest_fits() -> None:
    far, near, behind = pace(100, *range(9)), pace(100, 0, 1, 8), pace(100, 0)
    assert split(far, near, behind, limit_s=0.021, now_ms=8) == ([1, 2], [0])
    assert split(far, near, behind, limit_s=0.01, now_ms=8) == ([2], [0, 1])


def test_who_has_no_pace_or_no_credit_is_never_held_back() -> None:
    assert split(None, pace(100, 0), pace(100), limit_s=0.0, now_ms=90) == ([0, 1, 2], [])


def test_nobody_is_held_back_for_long() -> None:
    far = pace(100, *range(9))
    assert split(far, pace(100, 0), limit_s=0.0, now_ms=100) == ([1], [0])
    assert split(far, pace(100, 0), limit_s=0.0, now_ms=190) == ([0, 1], [])


@given(
    st.lists(st.tuples(st.integers(10, 200), st.integers(1, 60)), min_size=1, max_size=30),
    st.floats(0.0, 0.5),
    st.integers(60, 400),
)
def test_somebody_always_gets_a_token_and_everybody_is_in_one_half(
    drawn: list[tuple[int, int]], limit_s: float, now_ms: int
) -> None:
    kept, held = split(*[pace(tpot, *range(count)) for tpot, count in drawn], limit_s=limit_s, now_ms=now_ms)
    assert kept
    assert sorted(kept + held) == list(range(len(drawn)))
