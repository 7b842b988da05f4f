"""What a language model's process asks of the engine inside it: the protocol, and the values that go in and out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from headrace.errors import DeadlineExceeded, HeadraceError, Unavailable, WouldBeLate
from headrace.generation import Ask, LanguageFacts, Result, StepFacts
from headrace.llm.terms import UNSAID, Terms
from headrace.settings import Llm
from headrace.types import Manifest


class DraftFile(msgspec.Struct, frozen=True):
    """The file or folder of the model that drafts; without one, why it was not found."""

    where: str  # the field that names it
    path: Path | None = None
    fault: str = ""


class EngineLoading(msgspec.Struct, frozen=True):
    """What an engine is made from: the model, the threads that it may use, and the settings as they hold for it."""

    manifest: Manifest
    threads: int
    llm: Llm = Llm()
    draft: DraftFile | None = None  # None: no other model drafts
    weights: Mapping[str, float] = {}  # tenants' shares
    most_kv_bytes: int | None = None  # that its key-value cache may have at most, of a budget; None: nobody counts
    most_second_bytes: int | None = None  # the same, for graphs beside its first


class Fault(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Why a request was not answered: as the errors of `errors.py` say it."""

    code: str
    message: str
    where: str = ""
    retry_after_s: float | None = None
    predicted_ms: float | None = None
    deadline_ms: float | None = None


def fault_of(error: HeadraceError) -> Fault:
    """The error as it travels."""
    retry_after_s = error.retry_after_s if isinstance(error, Unavailable) else None
    if isinstance(error, WouldBeLate | DeadlineExceeded):
        return Fault(error.code, error.message, error.where, retry_after_s, error.predicted_ms, error.deadline_ms)
    return Fault(error.code, error.message, error.where, retry_after_s)


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was told of one choice by an engine that is gone, for another that goes on with it."""

    token_ids: tuple[int, ...] = ()  # of its text, in order; none: nothing was told
    finished: bool = False


class Answered(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One answer to the request of that number: a result, or a fault, which is always final."""

    number: int
    final: bool
    result: Result | None = None
    fault: Fault | None = None


class Engine(Protocol):
    """Answers many requests, a step at a time. Used from one thread; it may have threads of its own behind it."""

    facts: LanguageFacts

    def add(self, number: int, ask: Ask, terms: Terms = UNSAID, told: Sequence[Told] = ()) -> None:
        """Take the request; never raises: what is wrong with it is an answer of the next step.

        A number is given once in an engine's life. With `told`, one for each choice, an answer that streams goes on
        behind these tokens as if it had chosen them itself, and tells nothing of them again.
        """
        ...

    def abort(self, number: int) -> None:
        """Nothing more is answered; what it held is free before the next step. An unknown number is no fault."""
        ...

    @property
    def busy(self) -> bool:
        """Whether a step has something to do now; False while all that is here waits for threads of its own."""
        ...

    def step(self) -> list[Answered]:
        """At most one forward pass; the answers that it gave, those of other threads included. Empty is no fault."""
        ...

    def rest(self) -> bool:
        """Nobody waits for an answer: a few milliseconds of work that later steps are spared; False: none is left."""
        ...

    def counts(self) -> StepFacts:
        """What was done since the last call, and how full it is now."""
        ...

    def close(self) -> None: ...
