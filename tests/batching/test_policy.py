"""When a batch is closed."""

import pytest

from headrace.batching.policy import EVEN_ROWS, LONG_NS, Limits, Run, Wait, decide, share


def limits(max_size: int = 8, max_delay_ns: int = 0) -> Limits:
    return Limits(max_size, max_delay_ns, max_queue=100, max_queue_bytes=1000)


@pytest.mark.parametrize(
    ("rows", "waited_ns", "running", "given", "decision"),
    [
        (1, 0, 1, limits(), Wait(None)),  # nothing is idle: growing costs nothing
        (7, 999, 1, limits(max_delay_ns=5), Wait(None)),
        (1, 0, 0, limits(), Run("idle")),
        (8, 0, 0, limits(), Run("size")),
        (8, 0, 1, limits(), Run("size")),  # it cannot grow: it may as well be there
        (8, 0, 2, limits(), Wait(None)),
        (9, 0, 0, limits(max_delay_ns=5), Run("size")),
        (1, 0, 0, limits(max_delay_ns=5), Wait(105)),
        (7, 4, 0, limits(max_delay_ns=5), Wait(101)),
        (1, 5, 0, limits(max_delay_ns=5), Run("delay")),
        (1, 0, 0, limits(max_size=1, max_delay_ns=5), Run("alone")),
        (1, 0, 1, limits(max_size=1), Run("alone")),
        (1, 0, 2, limits(max_size=1), Wait(None)),
    ],
)
def test_a_batch_is_closed_by_size_delay_or_an_idle_instance(
    rows: int, waited_ns: int, running: int, given: Limits, decision: Run | Wait
) -> None:
    now_ns = 100
    assert decide(rows, now_ns - waited_ns, now_ns, running, given) == decision


@pytest.mark.parametrize(
    ("rows", "row_ns", "taken"),
    [
        (15, 0, 64),  # nothing is known yet
        (15, LONG_NS / 16, 64),  # short enough to be done at once
        (15, LONG_NS / 15, 8),
        (40, LONG_NS, 20),
        (10, LONG_NS, EVEN_ROWS),  # not so small that rows cost more
        (500, LONG_NS, 64),  # a run never takes more than the limit
    ],
)
def test_a_run_that_would_take_long_is_shared_between_two(rows: int, row_ns: float, taken: int) -> None:
    assert share(rows, row_ns, limits(max_size=64)) == taken
