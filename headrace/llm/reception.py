"""Requests on their way into an engine, and answers on their way out: what may go wrong before and after the steps."""

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from headrace.errors import HeadraceError, Internal
from headrace.generation import Result
from headrace.llm.aside import Aside
from headrace.llm.engine_protocol import Answered, fault_of

log = logging.getLogger(__name__)

T = TypeVar("T")


class Reception:
    """Reads what is asked, at once or aside, and keeps answers until they are collected. Owned by an engine."""

    def __init__(self) -> None:
        self._aside: Aside[Callable[[], None]] = Aside()
        self._answers: list[Answered] = []

    def __len__(self) -> int:
        """Requests that are being read."""
        return len(self._aside)

    @property
    def has_news(self) -> bool:
        """Whether `pick_up` or `collect` has something to do."""
        return bool(self._answers or self._aside.any_finished)

    def read(self, number: int, job: Callable[[], T], then: Callable[[T], None], *, now: bool) -> None:
        """Do the job and then, on the engine's thread, what follows it. What either raises answers the request.

        `now`: it is quick. Otherwise a thread does it, and `pick_up` what follows.
        """
        if now:
            self._guarded(number, lambda: then(job()))
        else:
            self._aside.start(number, lambda: partial(then, job()))

    def pick_up(self) -> None:
        """Go on with what the threads have read."""
        for number, future in self._aside.finished():
            self._guarded(number, lambda future=future: future.result()())  # type: ignore[misc]

    def answer(self, number: int, result: Result, final: bool = True) -> None:
        self._answers.append(Answered(number, final, result))

    def refuse(self, number: int, error: Exception) -> None:
        """The request ends with this; a fault of our own is logged."""
        if not isinstance(error, HeadraceError):
            log.error("a request failed", exc_info=error)
            error = Internal(f"{type(error).__name__}: {error}")
        self._answers.append(Answered(number, True, None, fault_of(error)))

    def drop(self, number: int) -> bool:
        """Nothing more is answered; whether it was being read."""
        self._answers = [answer for answer in self._answers if answer.number != number]
        return self._aside.drop(number)

    def collect(self) -> list[Answered]:
        """The answers since the last call; the caller's to keep."""
        answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        self._aside.close()

    def _guarded(self, number: int, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            self.refuse(number, error)
