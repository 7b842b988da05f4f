"""A second graph of a decoder, to come: one that computes some of its steps quicker, once it is there.

It holds the weights a second time, unless they are our own kernels', and takes time to make. So it is made once there
were such steps, while nobody waits; until then, and where it cannot be had, the first graph computes them.
`second_room.py` says what it takes.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import openvino as ov

from headrace.runtimes.second_room import MOST_BYTES

TRIES = 1000
"""How often, while nobody waits, it is looked whether it can be made: what it is made from may never come."""


def is_small(graph: ov.Model) -> bool:
    """Whether its weights may be held twice."""
    constants = [node for node in graph.get_ops() if node.get_type_name() == "Constant"]
    return sum(int(node.get_byte_size()) for node in constants) <= MOST_BYTES


def on_a_thread(make: Callable[[], None]) -> None:
    """One as quick as others: what it makes starts threads of its own, which stay."""
    threading.Thread(target=make, name="second graph").start()


class SecondGraph:
    """Asked for, begun, made and taken, each once."""

    def __init__(
        self,
        compiled: Callable[[], Any | None],
        can_be_made: Callable[[], bool] = lambda: True,
        beside: Callable[[Callable[[], None]], object] = on_a_thread,
        enough: int = 1,
    ) -> None:
        """`beside` has what it is given done, now or later; `enough`: so often it is asked for before it is made."""
        self._compiled: Callable[[], Any | None] | None = compiled
        self._can_be_made = can_be_made
        self._beside = beside
        self._enough = enough
        self._tries = TRIES
        self._found: Any | None = None

    def begin(self) -> bool:
        """Have it made, once, if it was asked for often enough and can be; whether to try that again before long."""
        if self._compiled is None or self._enough > 0:
            return False
        if self._can_be_made():
            compiled, self._compiled = self._compiled, None
            self._beside(partial(self._make, compiled))
            return False
        self._tries -= 1
        return self._tries > 0

    def taken(self) -> Any | None:
        """Ask for what was compiled: it is given once; None before it is there, and where it cannot be had."""
        self._enough -= 1
        found = self._found
        if found is not None:
            self._found = None
        return found

    def _make(self, compiled: Callable[[], Any | None]) -> None:
        with suppress(RuntimeError, MemoryError):  # without it all is computed as before
            self._found = compiled()
