"""All that is known of a while: the model asked about, those beside it, the machine, what changed and what drifted."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from headrace.changes.entries import Entry
from headrace.changes.slots import Slots

Side = Literal["inputs", "outputs"]
SignalKind = Literal["latency", "errors", "outputs", "inputs"]


class Drifted(msgspec.Struct, frozen=True):
    """A feature of a model left its reference: it was seen at `at`, in a window that had begun `window_s` before."""

    model: str
    version: int | None
    side: Side
    feature: str
    at: float  # Unix time
    window_s: float
    ratio: float  # the statistic over its threshold


class Account(msgspec.Struct, frozen=True):
    """Everything that an answer is made of, from `begin` to `end` (Unix time)."""

    model: str
    begin: float
    end: float
    own: Slots
    others: Mapping[str, Slots]
    machine: Slots
    entries: Sequence[Entry]  # of every model
    drifts: Sequence[Drifted] = ()  # of every model


class Signal(msgspec.Struct, frozen=True):
    """Something about the model that got worse, or moved, and stayed so."""

    kind: SignalKind
    at: float  # Unix time
    earliest: float  # the true moment is not before it
    ratio: float
    strength: float
    what: str  # in words
    begin: float  # of the level before, and the end of the one after
    end: float
    version: int | None = None


class Found(msgspec.Struct, frozen=True):
    """A cause that a signal may have."""

    kind: str
    score: float  # 0 to 1
    evidence: Sequence[str]
    event: Entry | None = None
