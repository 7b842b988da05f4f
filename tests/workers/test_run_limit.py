"""How long one run may take."""

from headrace.workers.run_limit import BRIEF_NS, LEAST_S, TIMES, WINDOW, RunLimit


def test_a_limit_that_was_set_holds_for_every_run() -> None:
    limit = RunLimit(2.5, 300)
    limit.learn(1.0)
    assert limit.seconds() == 2.5
    assert limit.seconds(1 << 20) == 2.5


def test_the_first_run_of_a_size_has_as_long_as_loading() -> None:
    limit = RunLimit(0, 300)
    limit.learn(0.01, 64)
    assert limit.seconds(65) == LEAST_S
    assert limit.seconds(128) == 300


def test_a_size_whose_runs_are_slow_has_longer_than_one_whose_runs_are_quick() -> None:
    limit = RunLimit(0, 300)
    for _ in range(10):
        limit.learn(0.01, 1)
        limit.learn(5.0, 1000)
    assert limit.seconds(1) == LEAST_S
    assert limit.seconds(1000) == TIMES * 5.0


def test_one_slow_run_is_forgotten_after_a_while() -> None:
    limit = RunLimit(0, 300)
    limit.learn(60.0)
    assert limit.seconds() == TIMES * 60.0
    for _ in range(2 * WINDOW):
        limit.learn(0.01)
    assert limit.seconds() == LEAST_S


def test_brief_runs_need_not_be_told_unless_a_slow_one_is_to_be_forgotten() -> None:
    limit = RunLimit(0, 300).of(64)
    assert limit.notable_ns == 0  # how long such runs take is not known yet
    limit.learn(0.01)
    assert limit.notable_ns == BRIEF_NS
    limit.learn(60.0)
    assert limit.notable_ns == 0
    for _ in range(2 * WINDOW):
        limit.learn(0.01)
    assert limit.notable_ns == BRIEF_NS


def test_a_run_that_need_not_be_told_changes_nothing() -> None:
    limit = RunLimit(0, 300).of(64)
    limit.learn(0.01)
    limit.learn(BRIEF_NS / 1e9)
    assert limit.seconds == LEAST_S
    limit.learn(BRIEF_NS / 1e9 + 1)
    assert limit.seconds > LEAST_S
