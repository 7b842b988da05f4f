"""A process that ends while nobody waits for its memory has a small share of the cores beside others.

It does not end on idle time alone. Whoever has forked it may be told of its end while one of its threads still lets go
of what `/proc` shows of that, and then waits for it in a loop, in the kernel and on a core of its own: where the thread
had to wait until nobody else wanted a core, that went on for a third of a second.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headrace.devices.priority import Precedence


class Leaving:
    """`run_as` is told how a process is to run."""

    def __init__(self, run_as: Callable[[int, Precedence], None]) -> None:
        self._run_as = run_as

    @contextmanager
    def __call__(self, pid: int) -> Iterator[None]:
        """The process ends within the `with`: nothing is set back."""
        self._run_as(pid, "later")
        yield
