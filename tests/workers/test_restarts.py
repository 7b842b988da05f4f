"""When a worker that died starts again."""

from headrace.batching.blame import GIVEN_UP
from headrace.workers.restarts import LONGEST_S, MOST_DEATHS, MOST_FAILED_STARTS, Restarts


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
    restarts = Restarts(MOST_DEATHS - 1)
    assert not restarts.given_up
    assert restarts.after(served=False).given_up
    assert not restarts.after(served=True).given_up


def test_two_requests_that_workers_die_of_are_no_crash_loop() -> None:
    restarts = Restarts()
    for _ in range(2 * GIVEN_UP):
        restarts = restarts.after(served=False)
    assert not restarts.given_up


def test_callers_are_told_sooner_where_no_request_can_be_the_cause() -> None:
    restarts = Restarts().after(served=False)
    for _ in range(MOST_FAILED_STARTS):
        assert not restarts.given_up
        restarts = restarts.after_failed_start()
    assert restarts.given_up
    assert not restarts.after(served=False).given_up
