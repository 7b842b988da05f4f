"""What one rendering of a chat template may take: steps, characters that it makes, and time on the processor.

No template language here: what evaluates a template charges every step to the budget, before it is done where its
result may be much larger than what went in.
"""

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sized
from itertools import chain
from typing import Any

MAX_STEPS = 1_000_000
MAX_CHARACTERS = 16_000_000  # made in all, beside what goes in
MADE_FOR_EACH = 16  # characters that a template may make, for each that went in
MAX_HELD = 4_000_000  # that one value may take as text, what it holds twice counted twice, beside what goes in
HELD_FOR_EACH = 4  # characters more of that, for each that went in
MAX_SECONDS = 1.0
LOOK_EVERY = 16  # steps between two looks at the time
ELEMENT = 16  # characters that an element of a list counts for
LARGE = 65_536  # characters after which the time is looked at in any case
KEPT = 128  # characters from which on a value is measured once
NUMBER = 24  # characters that anything takes at the most that is no text and holds none
BETWEEN = 8  # characters for quotes, a comma, a space; escapes are the caller's
HELD = (list, tuple, dict, set)


class TooMuch(Exception):
    """The template takes more than it may."""


class Budget:
    """Counts down while one rendering runs; every method raises TooMuch when something is used up.

    No value is longer as text than the budget lets it be, however little memory it takes: a list of which both
    elements are one list, and so on 40 times, is 2^40 to whatever compares, sorts, hashes or writes it, in one call.
    """

    def __init__(
        self, given: object = "", watched: Iterable[object] = (), now_s: Callable[[], float] = time.thread_time
    ) -> None:
        """`given`: what goes in, which nothing may change; `watched`: values of which it is told how far loops have
        come among them; `now_s`: time of this thread, so that a busy machine is no fault of a template.
        """
        self.reached: int | None = None  # which of the watched values a loop came to last
        self.watched = {id(value): index for index, value in enumerate(watched)}
        self._sizes: dict[int, int] = {}  # by identity, of long values
        self._sized: list[object] = []  # these, so that no other takes an identity
        self._now_s = now_s
        self._until_s = self._most = math.inf
        size = self.measure(given)
        self._steps = MAX_STEPS
        self._characters = MAX_CHARACTERS + MADE_FOR_EACH * size
        self._most = MAX_HELD + HELD_FOR_EACH * size
        self._until_s = now_s() + MAX_SECONDS

    def step(self) -> None:
        """One turn of a loop, one call, one operation."""
        self._steps -= 1
        if self._steps < 0:
            raise TooMuch(f"takes more than {MAX_STEPS:,} steps")
        if self._steps % LOOK_EVERY == 0:
            self.look()

    def afford(self, characters: int) -> None:
        """Before that many may be made; nothing is charged yet."""
        if characters > self._characters:
            raise TooMuch(f"makes more than {MAX_CHARACTERS:,} characters")

    def charge(self, made: object) -> None:
        """For a text or a list that was made, which may not hold too much."""
        size = len(made) if isinstance(made, str) else ELEMENT * len(made) if isinstance(made, HELD) else 0
        self._characters -= size
        self.afford(0)
        if isinstance(made, HELD):
            self.measure(made)
        if size > LARGE:
            self.look()

    def charge_text(self, characters: int) -> None:
        """For so many characters of text."""
        self._characters -= characters
        self.afford(0)

    def look(self) -> None:
        """At the time: before what may take long in one step."""
        if self._now_s() > self._until_s:
            raise TooMuch(f"takes longer than {MAX_SECONDS:g} s")

    def each(self, values: Any) -> Any:
        """The values of a loop, a step for each."""
        return _SizedSteps(values, self) if isinstance(values, Sized) else self._drawn(values)

    def _drawn(self, values: Iterable[Any]) -> Iterator[Any]:
        """Values that are made one by one, so that nobody has measured them."""
        for value in _steps(values, self):
            if self.measure(value) > LARGE:
                self.look()
            yield value

    def measure(self, value: Any) -> int:
        """At most how many characters `value` takes as text. It may not change from then on."""
        if isinstance(value, str):
            return len(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return max(NUMBER, value.bit_length() // 3)
        if not isinstance(value, Collection) or isinstance(value, range):
            return NUMBER
        return self._sizes.get(id(value)) or self._measured(value)

    def _measured(self, value: Collection[Any]) -> int:
        size, known = NUMBER, self._sizes
        for part in chain(value, value.values()) if isinstance(value, Mapping) else value:
            size += BETWEEN + (len(part) if type(part) is str else known.get(id(part)) or self.measure(part))
            if size > self._most:
                raise TooMuch(f"makes a value of more than {self._most:,} characters")
        if size > KEPT:
            known[id(value)] = size
            self._sized.append(value)
        if size > LARGE:
            self.look()
        return size


class _SizedSteps:
    """Values of known number, so that `loop.length` and `loop.last` cost nothing."""

    def __init__(self, values: Any, budget: Budget) -> None:
        self._values = values
        self._budget = budget

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return _steps(self._values, self._budget)


def _steps(values: Iterable[Any], budget: Budget) -> Iterator[Any]:
    for value in values:
        budget.step()
        budget.reached = budget.watched.get(id(value), budget.reached)
        yield value
