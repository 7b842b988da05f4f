"""How requests without a version are shared among a model's versions: values, kept for the next start."""

from collections.abc import Mapping

import msgspec

TOLERANCE = 1e-3
"""Largest difference of two numbers that is none, relative to the one served where that is above 1."""

STEP_S = 60.0
MIN_REQUESTS = 200


class Split(msgspec.Struct, frozen=True, omit_defaults=True):
    """Versions with their weights, which sum to 1."""

    weights: Mapping[int, float]
    key: str = ""  # "header:NAME" or "tenant": requests that say the same there stay together; "": each is drawn


class Shadow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A candidate that is asked what another version has answered; its answers reach nobody."""

    version: int
    share: float = 1.0  # of the requests that name no version
    tolerance: float = TOLERANCE


class DifferenceGate(msgspec.Struct, frozen=True):
    """How many answers may differ, and when two do."""

    tolerance: float = TOLERANCE
    share: float = 0.02


class Gates(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a version must hold to take another's place; None: that is not looked at."""

    errors: float | None = None  # the most of its requests that may fail
    p99_ratio: float | None = None  # how many times as slow as the other it may be
    difference: DifferenceGate | None = None
    compare: float = 0.0  # share of the requests that the other version is asked as well


class Rollout(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version takes another's place by steps."""

    base: int
    to: int
    steps: tuple[float, ...]  # rising shares of requests that the new one answers; the last is 1
    step_s: float = STEP_S  # a step lasts at least so long
    min_requests: int = MIN_REQUESTS  # and until the new version has answered so many
    gates: Gates = Gates()
    key: str = ""  # as of a split
    step: int = 0  # the one that it is at

    @property
    def share(self) -> float:
        return self.steps[self.step]

    def __str__(self) -> str:
        return f"from version {self.base} to {self.to}"


class Plans(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of that for one model."""

    split: Split | None = None
    shadow: Shadow | None = None
    rollout: Rollout | None = None

    @property
    def versions(self) -> set[int]:
        """Those that are kept served."""
        kept = set(self.split.weights) if self.split else set()
        if self.shadow:
            kept.add(self.shadow.version)
        if self.rollout:
            kept |= {self.rollout.base, self.rollout.to}
        return kept
