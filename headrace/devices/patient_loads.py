"""A load that nobody waits for gives way to whoever is answered meanwhile: less, the longer it takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from headrace.clock import Clock
from headrace.devices.priority import Precedence, began_at

STEPS: tuple[tuple[float, Precedence], ...] = ((0.0, "last"), (3.0, "later"), (30.0, "usual"))
"""From so many seconds on; no load stands still for ever, however busy the cores are."""


class PatientLoads:
    """`run_as` is told how a process is to run."""

    def __init__(self, run_as: Callable[[int, Precedence], None], clock: Clock) -> None:
        self._run_as = run_as
        self._clock = clock

    @contextmanager
    def __call__(self, pid: int) -> Iterator[None]:
        """The process loads from now until the end of the `with`."""
        began, now_ns = began_at(pid), self._clock.now_ns()

        def run_as(precedence: Precedence) -> None:
            if began and began_at(pid) == began:  # else the number may be another's by now
                self._run_as(pid, precedence)

        timers = [
            self._clock.call_at(now_ns + int(after_s * 1e9), partial(run_as, precedence))
            for after_s, precedence in STEPS[1:]
        ]
        run_as(STEPS[0][1])
        try:
            yield
        finally:
            for timer in timers:
                timer.cancel()
            run_as("usual")
