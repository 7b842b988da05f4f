"""A child that owes something and gives no sign of life."""

import pytest

from headrace.workers.watchdog import LOOK_NS, Watchdog
from tests.fakes import FakeClock


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.stopped = False
        self.hung: list[str] = []
        self.watchdog = Watchdog(self.clock, lambda: self.stopped, self.hung.append)

    def watch(self, limit_s: float) -> None:
        self.watchdog.watch(limit_s, self.clock.now_ns())


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_run_that_takes_longer_than_it_may_is_told_of_once(bench: Bench) -> None:
    bench.watch(3)
    bench.clock.pass_ms(2900)
    assert not bench.hung
    bench.clock.pass_ms(5000)
    assert bench.hung == ["took more than 3 s for one run"]


def test_each_run_has_its_own_time(bench: Bench) -> None:
    for _ in range(5):
        bench.watch(3)
        bench.clock.pass_ms(2000)
    assert not bench.hung


def test_a_short_limit_is_kept_to_though_a_long_one_was_looked_after(bench: Bench) -> None:
    bench.watch(100)
    bench.watch(0.1)
    bench.clock.pass_ms(150)
    assert bench.hung == ["took more than 0.1 s for one run"]


def test_nothing_is_told_of_one_that_owes_nothing(bench: Bench) -> None:
    bench.watch(3)
    bench.watchdog.rest()
    bench.stopped = True
    bench.clock.pass_ms(10_000)
    assert not bench.hung


def test_one_that_was_stopped_is_told_of_long_before_its_run_takes_too_long(bench: Bench) -> None:
    bench.watch(100)
    bench.stopped = True
    bench.clock.pass_ms(2000)
    assert bench.hung == ["was stopped by a signal"]


def test_one_that_is_stopped_for_a_moment_goes_on(bench: Bench) -> None:
    bench.watch(100)
    for _ in range(5):
        bench.stopped = not bench.stopped
        bench.clock.pass_ms(LOOK_NS / 1e6)
    assert not bench.hung


def test_time_that_the_server_did_not_see_pass_does_not_count(bench: Bench) -> None:
    bench.watch(3)
    bench.clock.pass_ms(600)
    bench.clock.time_ns += 100_000_000_000  # it was stopped itself
    bench.clock.pass_ms(1)
    assert not bench.hung
    bench.clock.pass_ms(3000)
    assert bench.hung


def test_a_child_that_is_gone_is_watched_no_more(bench: Bench) -> None:
    bench.watch(3)
    bench.watchdog.stop()
    bench.clock.pass_ms(10_000)
    assert not bench.hung


def test_once_it_is_closed_nobody_is_told_anything(bench: Bench) -> None:
    bench.watch(1)
    bench.watchdog.close()
    bench.watch(1)
    bench.stopped = True
    bench.clock.pass_ms(5000)
    assert not bench.hung


def test_a_load_may_take_any_time_and_one_that_is_stopped_meanwhile_is_told_of(bench: Bench) -> None:
    bench.watchdog.watch_load(bench.clock.now_ns())
    bench.clock.pass_ms(600_000)
    assert not bench.hung
    bench.stopped = True
    bench.clock.pass_ms(2000)
    assert bench.hung == ["was stopped by a signal"]
