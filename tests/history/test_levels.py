"""Which steps are over, and by which level time is shown."""

import pytest

from headrace.history.levels import HOURS, MINUTES, RAW, Level, finest, finished, step_of


def test_a_moment_falls_into_the_step_that_began_last() -> None:
    assert step_of(1234.9, RAW) == 1230
    assert step_of(1235, RAW) == 1235


def test_a_step_that_is_still_going_on_is_not_over() -> None:
    assert list(finished(60, 239.0, MINUTES)) == [120]
    assert list(finished(60, 240.0, MINUTES)) == [120, 180]
    assert list(finished(None, 240.0, MINUTES)) == [180]


def test_a_clock_that_was_put_forward_makes_no_more_steps_than_are_kept() -> None:
    assert len(finished(0, 10**9, HOURS)) == HOURS.kept_s // HOURS.step_s


def test_a_clock_that_was_put_back_makes_none() -> None:
    assert list(finished(6000, 60.0, MINUTES)) == []


@pytest.mark.parametrize(
    ("back_s", "level"),
    [(600, RAW), (3600, RAW), (3601, MINUTES), (7 * 86_400, HOURS), (86_400, HOURS), (30 * 86_400, HOURS)],
)
def test_time_is_shown_by_the_finest_level_that_has_it_all(back_s: int, level: Level) -> None:
    now_s = 10**9
    assert finest(now_s - back_s, now_s, now_s, 720) is level


def test_the_whole_time_that_a_level_is_kept_is_shown_by_it_a_moment_later() -> None:
    assert finest(10**9 - 3600, 10**9, 10**9 + 2, 720) is RAW


def test_what_is_long_ago_is_shown_by_what_is_still_kept() -> None:
    assert finest(10**9 - 86_400, 10**9 - 86_000, 10**9, 720) is MINUTES
