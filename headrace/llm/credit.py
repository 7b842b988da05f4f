"""How far a sequence is ahead of the pace that it was promised, and what a step may take for that. Pure.

Each token is due one time per output token (TPOT) after the one before, counted from the first. What came sooner is
credit, which later steps may spend on prompts, half of it at once. After SLOs-Serve (arXiv 2504.08784).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from headrace.llm.step_time import StepShape

SPENT = 0.5  # of the credit that the one with least of it has, in one step
MOST_PACES = 2.0  # that a step may take: a reader notices a gap of three

T = TypeVar("T")


class Pace:
    """When one sequence gained tokens, and when it should have. Owned by the scheduler."""

    __slots__ = ("_count", "_first_count", "_first_ns", "_last_ns", "tpot_ns")

    def __init__(self, tpot_ns: int) -> None:
        self.tpot_ns = tpot_ns
        self._first_ns = self._last_ns = 0
        self._first_count = self._count = 0

    @property
    def begun(self) -> bool:
        """Whether it has a token."""
        return self._count > 0

    def note(self, count: int, now_ns: int) -> None:
        """It has so many tokens now."""
        if count > self._count:
            if not self._count:
                self._first_count, self._first_ns = count, now_ns
            self._count, self._last_ns = count, now_ns

    def credit_s(self, now_ns: int, aim: float) -> float:
        """Until its next token is due, where `aim` of its time is planned with; negative: it is late."""
        due_ns = self._first_ns + (self._count - self._first_count + 1) * self.tpot_ns * aim
        return (due_ns - now_ns) / 1e9

    def since_s(self, now_ns: int) -> float:
        """From its last token."""
        return (now_ns - self._last_ns) / 1e9

    def mean_ns(self) -> float | None:
        """From token to token; None of a single one."""
        gaps = self._count - self._first_count
        return (self._last_ns - self._first_ns) / gaps if gaps else None


def step_limit_s(paces: Iterable[Pace], now_ns: int, aim: float) -> float | None:
    """What a step may take so that all of these keep their pace; None where nobody has one."""
    begun = [pace for pace in paces if pace.begun]
    if not begun:
        return None
    least_s = min([pace.credit_s(now_ns, aim) for pace in begun])
    tightest_s = min([pace.tpot_ns for pace in begun]) * aim / 1e9
    return max(0.0, min(SPENT * least_s + (1.0 - SPENT) * tightest_s, MOST_PACES * tightest_s))


def divided(
    sampling: Sequence[tuple[T, Pace | None, StepShape]],
    limit_s: float,
    seconds: Callable[[StepShape], float],
    now_ns: int,
    aim: float,
) -> tuple[list[T], list[T]]:
    """Those that get a token in a step of `limit_s`, and those held back: they are so far ahead that a step is no loss.

    Where all fit, nobody is held back; nor is one without a pace, or one that would then wait for too long.
    """
    took_s = seconds(sum([shape for _, _, shape in sampling], StepShape()))
    if took_s <= limit_s or len(sampling) < 2:
        return [each for each, _, _ in sampling], []
    shape, ahead = StepShape(), []
    kept: list[int] = []
    for index, (_, pace, own) in enumerate(sampling):
        if pace is not None and _is_ahead(pace, took_s, now_ns, aim):
            ahead.append((pace.credit_s(now_ns, aim), index, own))
        else:
            shape += own
            kept.append(index)
    held: set[int] = set()
    for _, index, own in sorted(ahead, key=lambda each: each[:2]):
        if kept and seconds(shape + own) > limit_s:
            held.add(index)
        else:
            shape += own
            kept.append(index)
    whole = [each for each, _, _ in sampling]
    return (
        [each for index, each in enumerate(whole) if index not in held],
        [each for index, each in enumerate(whole) if index in held],
    )


def _is_ahead(pace: Pace, took_s: float, now_ns: int, aim: float) -> bool:
    tpot_s = pace.tpot_ns * aim / 1e9
    in_time = pace.credit_s(now_ns, aim) >= took_s + tpot_s
    return pace.begun and in_time and pace.since_s(now_ns) + 2 * took_s <= MOST_PACES * tpot_s
