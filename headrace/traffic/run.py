"""A rollout that runs: what is seen of it, and what is told of it."""

from typing import Literal

import msgspec

from headrace.traffic.gates import ANSWERS, MIRRORED_RUNS, RUNS, Counts, Seen
from headrace.traffic.mirror import Answered
from headrace.traffic.patience import patience_ns
from headrace.traffic.plans import TOLERANCE, Rollout
from headrace.traffic.progress import Move, Stay, next_move
from headrace.traffic.shadow import Times, percentiles

State = Literal["running", "done", "rolled back"]


class VersionReport(msgspec.Struct, frozen=True):
    """What was seen of one version."""

    version: str
    requests: int
    failed: int
    routed_ms: Times | None
    runs_ms: Times | None  # of runs that were of one request alone
    mirrored_runs_ms: Times | None


class RolloutReport(msgspec.Struct, frozen=True):
    """A rollout as its route tells it; of the new version, the step's figures."""

    state: State
    reason: str  # why it ended, or what its step waits for
    step: int  # from 1
    steps: tuple[float, ...]
    share: float  # of requests that the new version answers
    step_s: float  # since the step began
    base: VersionReport
    to: VersionReport
    compared: int
    beyond: int  # answers further apart than the gate's tolerance
    max_absolute_difference: float
    dropped: int  # requests that were not mirrored, for there was no room


class Run:
    """A watcher of both versions, from the rollout's first step to its end. Owns what is seen."""

    def __init__(self, rollout: Rollout, now_ns: int) -> None:
        self.rollout = rollout
        self.tolerance = rollout.gates.difference.tolerance if rollout.gates.difference else TOLERANCE
        self.patience_ns: int | None = None  # as known when it was last asked for its next move
        self.leaving = False  # it is being rolled back
        self.turning = False  # something is being done that it asked for
        self.reason = ""  # why it ends
        self._seen = Seen()
        self._step_ns = now_ns
        self._dropped = 0
        self._waits_for = ""

    def follow(self, rollout: Rollout, now_ns: int) -> None:
        """It is at another step from now on."""
        self.rollout = rollout
        self._step_ns = now_ns
        self._seen.begin_step()

    def next_move(self, now_ns: int) -> Move:
        ratio, answers = self.rollout.gates.p99_ratio, self._seen.times[ANSWERS].other
        self.patience_ns = patience_ns(answers, ratio) or self.patience_ns
        move = next_move(self.rollout, self._seen, (now_ns - self._step_ns) / 1e9)
        self._waits_for = f"waits for {move.waits_for}" if isinstance(move, Stay) else ""
        return move

    def other(self, version: int) -> tuple[int, float] | None:
        rollout = self.rollout
        if self.leaving or version not in (rollout.base, rollout.to):
            return None
        return rollout.base if version == rollout.to else rollout.to, rollout.gates.compare

    def routed(self, version: int, ns: int, run_ns: int, failed: bool) -> None:
        if version in (self.rollout.base, self.rollout.to):
            of_target = version == self.rollout.to
            self._seen.add(of_target=of_target, mirrored=False, failed=failed)
            if not failed:
                self._seen.add_time(ANSWERS, ns, of_target=of_target)
                self._seen.add_time(RUNS, run_ns, of_target=of_target)

    def mirrored(self, answered: Answered | None) -> None:
        if answered is None:
            self._dropped += 1
            return
        of_target = answered.version == self.rollout.to
        self._seen.add(of_target=of_target, mirrored=True, failed=answered.failed)
        self._seen.add_time(MIRRORED_RUNS, answered.run_ns, of_target=of_target)
        if answered.difference:
            self._seen.add_difference(answered.difference)

    def report(self, now_ns: int, state: State = "running", share: float | None = None) -> RolloutReport:
        """What is known of it now; `share` is what the new version gets of requests, the step's where it is None."""
        rollout, seen = self.rollout, self._seen
        return RolloutReport(
            state,
            self.reason or self._waits_for,
            rollout.step + 1,
            rollout.steps,
            rollout.share if share is None else share,
            round((now_ns - self._step_ns) / 1e9, 3),
            self._version(of_target=False),
            self._version(of_target=True),
            seen.compared.total,
            seen.compared.beyond,
            seen.compared.largest,
            self._dropped,
        )

    def _version(self, *, of_target: bool) -> VersionReport:
        rollout, seen = self.rollout, self._seen
        routed, mirrored = seen.routed, seen.mirrored
        counts: tuple[Counts, ...] = (routed.target, mirrored.target) if of_target else (routed.base, mirrored.base)
        return VersionReport(
            str(rollout.to if of_target else rollout.base),
            sum(each.total for each in counts),
            sum(each.failed for each in counts),
            *(percentiles(each.own if of_target else each.other) for each in seen.times.values()),
        )
