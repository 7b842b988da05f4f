"""What one rendering of a chat template may take: steps, characters that it makes, and time on the processor.

No template language here: what evaluates a template charges every step to the budget, before it is done where its
result may be much larger than what went in.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sized
from typing import Any

MAX_STEPS = 1_000_000
MAX_CHARACTERS = 16_000_000  # made in all, beside what goes in
MADE_FOR_EACH = 16  # characters that a template may make, for each that went in
MAX_SECONDS = 1.0
LOOK_EVERY = 16  # steps between two looks at the time
ELEMENT = 16  # characters that an element of a list counts for
LARGE = 65_536  # characters after which the time is looked at in any case
NUMBER = 24  # characters that anything takes at the most that is no text and holds none
HELD = (list, tuple, dict, set)


class TooMuch(Exception):
    """The template takes more than it may."""


class Budget:
    """Counts down while one rendering runs; every method raises TooMuch when something is used up."""

    def __init__(
        self, given: int = 0, watched: Iterable[object] = (), now_s: Callable[[], float] = time.thread_time
    ) -> None:
        """`given`: characters that go in; `watched`: values of which it is told how far loops have come among them;
        `now_s`: time of this thread, so that a busy machine is no fault of a template.
        """
        self.reached: int | None = None  # which of the watched values a loop came to last
        self.watched = {id(value): index for index, value in enumerate(watched)}
        self._steps = MAX_STEPS
        self._characters = MAX_CHARACTERS + MADE_FOR_EACH * given
        self._now_s = now_s
        self._until_s = now_s() + MAX_SECONDS

    def step(self) -> None:
        """One turn of a loop, one call, one operation."""
        self._steps -= 1
        if self._steps < 0:
            raise TooMuch(f"takes more than {MAX_STEPS:,} steps")
        if self._steps % LOOK_EVERY == 0:
            self._look()

    def afford(self, characters: int) -> None:
        """Before that many may be made; nothing is charged yet."""
        if characters > self._characters:
            raise TooMuch(f"makes more than {MAX_CHARACTERS:,} characters")

    def charge(self, made: object) -> None:
        """For a text or a list that was made."""
        size = len(made) if isinstance(made, str) else ELEMENT * len(made) if isinstance(made, HELD) else 0
        self._characters -= size
        self.afford(0)
        if size > LARGE:
            self._look()

    def charge_text(self, characters: int) -> None:
        """For so many characters of text."""
        self._characters -= characters
        self.afford(0)

    def _look(self) -> None:
        if self._now_s() > self._until_s:
            raise TooMuch(f"takes longer than {MAX_SECONDS:g} s")

    def each(self, values: Any) -> Any:
        """The values of a loop, a step for each."""
        return _SizedSteps(values, self) if isinstance(values, Sized) else _steps(values, self)

    def measure(self, value: Any) -> int:
        """At most how many characters `value` takes as text; charges a step for every part of it."""
        if isinstance(value, str):
            return len(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return max(NUMBER, value.bit_length() // 3)
        if isinstance(value, Mapping):
            return sum(self._part(key) + self._part(item) for key, item in value.items()) + NUMBER
        if isinstance(value, Collection) and not isinstance(value, range):
            return sum(map(self._part, value)) + NUMBER
        return NUMBER

    def _part(self, value: Any) -> int:
        self.step()
        return self.measure(value) + 8  # quotes, a comma, a space; escapes are the caller's


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
