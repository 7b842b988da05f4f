"""The event loop's lateness is what was due against when it was called."""

from headrace.observe.loop_lag import EVERY_NS, LoopLag
from tests.fakes import FakeClock


def test_a_loop_in_time_has_no_lag() -> None:
    clock = FakeClock()
    lag = LoopLag(clock)
    lag.start()
    clock.pass_ms(1000)
    assert (sum(lag.lag_ns.counts), lag.lag_ns.total) == (10, 0)


def test_a_loop_that_was_held_up_is_late_by_that() -> None:
    clock = FakeClock()
    lag = LoopLag(clock)
    lag.start()
    clock.time_ns += EVERY_NS + 30_000_000  # something ran that long
    clock.pass_ms()
    assert lag.lag_ns.total == 30_000_000
    assert "headrace_event_loop_lag_seconds_sum 0.03" in "\n".join(lag.lines())


def test_once_closed_it_measures_no_more() -> None:
    clock = FakeClock()
    lag = LoopLag(clock)
    lag.close()
    lag.start()
    lag.close()
    clock.pass_ms(1000)
    assert sum(lag.lag_ns.counts) == 0
