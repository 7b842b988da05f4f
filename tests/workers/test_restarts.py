"""When a worker that died starts again."""

from headrace.workers.restarts import GIVEN_UP, LONGEST_S, Restarts


def test_a_worker_that_served_starts_again_at_once_however_often_it_dies() -> None:
    restarts = Restarts()
    for _ in range(100):
        restarts = restarts.after(served=True)
    assert restarts.delay_s == 0
    assert not restarts.given_up


def test_one_that_serves_nothing_waits_longer_each_time_up_to_a_limit() -> None:
    restarts, delays = Restarts(), []
    for _ in range(20):
        restarts = restarts.after(served=False)
        delays.append(restarts.delay_s)
    assert delays == sorted(delays)
    assert delays[0] > 0
    assert delays[-1] == LONGEST_S


def test_callers_are_told_after_some_fruitless_starts() -> None:
    restarts = Restarts(GIVEN_UP - 1)
    assert not restarts.given_up
    assert restarts.after(served=False).given_up
    assert not restarts.after(served=True).given_up
