"""Whether what was seen of a version breaches a gate of its rollout. Pure.

Errors and differences are counted, and judged by `evidence.py`; errors only where the new version also fails more
often than the old, by Fisher's exact test, for what fails by the clients' requests or by too much load fails in both.
Times are judged by `slowness.py`, those of requests that were routed and those of mirrored ones each on their own:
mirrored ones wait behind all others, and only what was asked alike is compared. All gates together take a version
that is well within each of them for one that breaches some with a chance of at most `ALPHA` a rollout.
"""

from collections import deque

import msgspec

from headrace.traffic.difference import Difference
from headrace.traffic.evidence import Looks, fisher_p, is_beyond
from headrace.traffic.plans import Gates, Rollout
from headrace.traffic.slowness import FEWEST, KEPT, Slower, Times

ALPHA = 0.01

FEWEST_FAILED = 3
"""Requests of the new version before it is looked at whether it fails more often."""

WARMING = 8
"""Answers of a version, routed and mirrored, whose times do not count: its first."""


class Breach(msgspec.Struct, frozen=True):
    """Which gate, and by what figures."""

    gate: str
    figures: str

    def __str__(self) -> str:
        return f"gate {self.gate}: {self.figures}"


class Counts:
    """Requests that were answered or failed."""

    __slots__ = ("failed", "total")

    def __init__(self) -> None:
        self.total = 0
        self.failed = 0

    def add(self, failed: bool) -> None:
        self.total += 1
        self.failed += failed


class Compared:
    """Answers of two versions to the same requests."""

    __slots__ = ("beyond", "largest", "largest_relative", "total")

    def __init__(self) -> None:
        self.total = 0
        self.beyond = 0
        self.largest = 0.0  # that can be measured
        self.largest_relative = 0.0

    def add(self, found: Difference) -> None:
        self.total += 1
        self.beyond += found.beyond
        if found.measurable:
            self.largest = max(self.largest, found.absolute)
            self.largest_relative = max(self.largest_relative, found.relative)


class Seen:
    """What was seen of both versions: of the old one in the whole rollout, of the new one in this step."""

    def __init__(self) -> None:
        self.base = Counts()
        self._base_routed: deque[int] = deque(maxlen=KEPT)
        self._base_mirrored: deque[int] = deque(maxlen=KEPT)
        self._warming = {False: WARMING, True: WARMING}
        self.begin_step()

    def begin_step(self) -> None:
        """What the new version does from now on is another step's."""
        self.target = Counts()
        self.compared = Compared()
        self.times = {False: Times(self._base_routed), True: Times(self._base_mirrored)}
        self._looks = Looks(FEWEST_FAILED)
        self._fails_more = False

    def add(self, *, of_target: bool, mirrored: bool, failed: bool, ns: int) -> None:
        """One answer or failure, and how long it took."""
        (self.target if of_target else self.base).add(failed)
        if failed:
            return
        if not of_target:
            (self._base_mirrored if mirrored else self._base_routed).append(ns)
        elif self._warming[mirrored]:
            self._warming[mirrored] -= 1
        else:
            self.times[mirrored].add(ns)

    def fails_more(self, alpha: float) -> bool:
        """Whether the new version is known to fail more often than the old, where that was asked enough to say."""
        if self.base.total < FEWEST:
            return True
        if spent := self._looks.alpha(self.target.total, alpha):
            p = fisher_p(self.target.failed, self.target.total, self.base.failed, self.base.total)
            self._fails_more = self._fails_more or p <= spent
        return self._fails_more

    def add_difference(self, found: Difference) -> None:
        self.compared.add(found)


def breach(rollout: Rollout, seen: Seen) -> Breach | None:
    """The first gate that the new version does not hold."""
    gates = rollout.gates
    alpha = ALPHA / len(rollout.steps) / 3
    return (
        _errors(rollout, seen, alpha)
        or _difference(gates, rollout.base, seen.compared, alpha)
        or _slow(gates, rollout.base, seen.times, alpha)
    )


def _errors(rollout: Rollout, seen: Seen, alpha: float) -> Breach | None:
    limit, target, base = rollout.gates.errors, seen.target, seen.base
    if limit is None:
        return None
    fails_more = seen.fails_more(alpha)
    if not fails_more or not is_beyond(limit, target.failed, target.total, alpha):
        return None
    share = target.failed / target.total
    return Breach(
        "errors",
        f"{target.failed} of {target.total} requests failed ({share:.1%}), more than {limit:.3g}; "
        f"of version {rollout.base} {base.failed} of {base.total}",
    )


def _difference(gates: Gates, base: int, compared: Compared, alpha: float) -> Breach | None:
    gate = gates.difference
    if gate is None or not is_beyond(gate.share, compared.beyond, compared.total, alpha):
        return None
    share = compared.beyond / compared.total
    return Breach(
        "difference",
        f"{compared.beyond} of {compared.total} answers ({share:.1%}) are further than {gate.tolerance:g} from those "
        f"of version {base}, more than {gate.share:.3g}; the largest measured difference is {compared.largest:.3g}",
    )


def _slow(gates: Gates, base: int, times: dict[bool, Times], alpha: float) -> Breach | None:
    if gates.p99_ratio is None:
        return None
    for mirrored, each in times.items():
        if found := each.look(gates.p99_ratio, alpha / len(times)):
            return Breach("p99_ratio", _slower(found, gates.p99_ratio, base, mirrored=mirrored))
    return None


def _slower(found: Slower, ratio: float, base: int, *, mirrored: bool) -> str:
    how = "of mirrored requests " if mirrored else ""
    return f"{how}{found}, more than {ratio:g} times version {base}'s"
