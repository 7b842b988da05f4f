"""A second graph of a decoder for steps of one token alone, in which all sizes but those of the cache are known.

In a graph for any number of tokens the plug-in looks at the sizes of every node again at each step, and leaves sums
apart from the products that they follow: a sixth of a step of one token with SmolLM2 (135 M weights in 30 layers). What
it costs is the weights a second time, in memory and to pack. So only small models have one, whose steps are short, and
only once there were texts alone; it is made while nobody waits for a step, and until it is there the other graph
computes everything.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import openvino as ov

MOST_BYTES = 256 << 20
"""Of a graph's constants. Of larger ones a step takes so long that a millisecond does not count."""

ENOUGH = 16
"""Steps of one token that say that there are texts alone: making a model ready takes a few."""

TRIALS = 8
"""Steps of texts as they come that both graphs compute first, where bits must be the same: of one that has others, it
is used no more."""

TRIES = 1000
"""How often, while nobody waits, it is looked whether it can be made: what it is made from may never come."""


def is_worth_it(graph: ov.Model) -> bool:
    """Whether a step of one token gains enough for what it costs."""
    constants = [node for node in graph.get_ops() if node.get_type_name() == "Constant"]
    return sum(int(node.get_byte_size()) for node in constants) <= MOST_BYTES


def for_one_token(graph: ov.Model) -> ov.Model:
    """The paged graph, changed to take one token and to give one row; its sequences may be more, without tokens."""
    graph.reshape({"input_ids": [1], "position_ids": [1], "sample_at": [1]})
    return graph


def on_a_thread(make: Callable[[], None]) -> None:
    """One as quick as others: what it makes starts threads of its own, which stay."""
    threading.Thread(target=make, name="graph for one token").start()


class Lone:
    """Such a graph to come."""

    def __init__(
        self,
        compiled: Callable[[], Any | None],
        can_be_made: Callable[[], bool] = lambda: True,
        beside: Callable[[Callable[[], None]], object] = on_a_thread,
        enough: int = ENOUGH,
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
