"""How much of an objective is planned with."""

import random

from headrace.llm.aim import ALLOWED, LEAST, MOST, Aim


def test_it_falls_at_once_where_one_was_late_and_rises_slowly() -> None:
    aim = Aim(0.9)
    aim.learn(late=True)
    assert aim.share < 0.9
    for _ in range(round(1 / ALLOWED)):
        aim.learn(late=False)
    assert abs(aim.share - 0.9) < 1e-3


def test_it_stays_between_its_bounds() -> None:
    aim = Aim(0.9)
    for late, bound in ((True, LEAST), (False, MOST)):
        for _ in range(10_000):
            aim.learn(late)
        assert aim.share == bound


def test_in_the_long_run_as_many_are_late_as_are_allowed() -> None:
    rng, aim = random.Random(3), Aim(0.9)
    late = 0
    for _ in range(40_000):
        is_late = rng.gauss(0.7, 0.05) * (1 + aim.share) > 1.35  # the fuller it is planned, the later
        late += is_late
        aim.learn(is_late)
    assert 0.5 * ALLOWED < late / 40_000 < 2 * ALLOWED
