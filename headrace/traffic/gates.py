"""Whether what was seen of a version breaches a gate of its rollout. Pure.

Only what was asked alike is compared: requests that were routed with those, and requests that were mirrored with
those, for the latter wait behind all others, and are requests that the other version has answered.

Errors and differences are counted, and judged by `evidence.py`; errors only where the new version also fails more
often than the old, by Fisher's exact test, for what fails by the clients' requests or by too much load fails in both.
Times are judged by `slowness.py`: how long runs took that were of one request alone, and how long answers took, these
as long as the new version has no more requests than the old one, for who has more waits longer. All gates together
take a version that is well within each of them for one that breaches some with a chance of at most `ALPHA` a rollout.
"""

from collections import deque

import msgspec

from headrace.numerals import numeral
from headrace.traffic.difference import Difference
from headrace.traffic.evidence import Looks, fisher_p, is_beyond
from headrace.traffic.plans import Gates, Rollout
from headrace.traffic.slowness import FEWEST, KEPT, Times, Together

ALPHA = 0.01

FEWEST_FAILED = 3
"""Requests of the new version before it is looked at whether it fails more often."""

WARMING = 5
"""Times of each kind of the new version that do not count: the first."""

EVEN = 0.5
"""Share of the requests up to which the new version has no more to do than the old one."""

ANSWERS, RUNS, MIRRORED_RUNS, ALL_RUNS = "answers'", "runs'", "mirrored runs'", "all runs'"
"""Kinds of times; the last is those of both kinds of runs."""


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


class Failures:
    """Of both versions, of requests that were asked alike; of the old one in the whole rollout."""

    def __init__(self) -> None:
        self.base = Counts()
        self.begin_step()

    def begin_step(self) -> None:
        self.target = Counts()
        self._looks = Looks(FEWEST_FAILED)
        self._more = False

    def fails_more(self, alpha: float) -> bool:
        """Whether the new version is known to fail more often than the old, where that was asked enough to say."""
        if self.base.total < FEWEST:
            return True
        if spent := self._looks.alpha(self.target.total, alpha):
            p = fisher_p(self.target.failed, self.target.total, self.base.failed, self.base.total)
            self._more = self._more or p <= spent
        return self._more


class Seen:
    """What was seen of both versions: failures of the old one in the whole rollout, all else in this step."""

    def __init__(self) -> None:
        self.routed = Failures()
        self.mirrored = Failures()
        self._warming = dict.fromkeys((ANSWERS, RUNS, MIRRORED_RUNS), WARMING)
        self.begin_step()

    def begin_step(self) -> None:
        """What is seen from now on is another step's."""
        self.routed.begin_step()
        self.mirrored.begin_step()
        self.compared = Compared()
        self.times = {kind: Times(deque(maxlen=KEPT)) for kind in self._warming}
        self.all_runs = Together([self.times[RUNS], self.times[MIRRORED_RUNS]])

    @property
    def answers(self) -> int:
        """Of the new version, also those that failed."""
        return self.routed.target.total + self.mirrored.target.total

    def add(self, *, of_target: bool, mirrored: bool, failed: bool) -> None:
        """One answer or failure."""
        failures = self.mirrored if mirrored else self.routed
        (failures.target if of_target else failures.base).add(failed)

    def add_time(self, kind: str, ns: int, *, of_target: bool) -> None:
        """How long an answer took, or a run of one request; 0: nobody knows."""
        if not ns:
            return
        if not of_target:
            self.times[kind].other.append(ns)
        elif self._warming[kind]:
            self._warming[kind] -= 1
        else:
            self.times[kind].add(ns)

    def add_difference(self, found: Difference) -> None:
        self.compared.add(found)


def breach(rollout: Rollout, seen: Seen) -> Breach | None:
    """The first gate that the new version does not hold."""
    gates = rollout.gates
    alpha = ALPHA / len(rollout.steps) / 3
    return (
        _errors(rollout, seen.routed, alpha / 2)
        or _errors(rollout, seen.mirrored, alpha / 2)
        or _difference(gates, rollout.base, seen.compared, alpha)
        or _slow(rollout, seen, alpha)
    )


def _errors(rollout: Rollout, failures: Failures, alpha: float) -> Breach | None:
    limit, target, base = rollout.gates.errors, failures.target, failures.base
    if limit is None:
        return None
    fails_more = failures.fails_more(alpha)
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
        f"of version {base}, more than {gate.share:.3g}; the largest measured difference is "
        f"{numeral(compared.largest)}",
    )


def _slow(rollout: Rollout, seen: Seen, alpha: float) -> Breach | None:
    ratio = rollout.gates.p99_ratio
    if ratio is None:
        return None
    kinds: list[tuple[str, Times | Together]] = [*seen.times.items(), (ALL_RUNS, seen.all_runs)]
    for kind, times in kinds:
        if kind == ANSWERS and rollout.share > EVEN:
            continue
        if found := times.look(ratio, alpha / len(kinds)):
            return Breach("p99_ratio", f"{kind} {found}, more than {ratio:g} times version {rollout.base}'s")
    return None
