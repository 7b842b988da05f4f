"""A rollout in simulated time: requests as they come, answers as two versions give them, and what is decided."""

from random import Random

import msgspec

from headrace.traffic.difference import Difference
from headrace.traffic.gates import ANSWERS, MIRRORED_RUNS, RUNS, Seen
from headrace.traffic.plans import DifferenceGate, Gates, Rollout
from headrace.traffic.progress import Back, Finish, GoTo, next_move

GATES = Gates(errors=0.01, p99_ratio=1.5, difference=DifferenceGate(1e-3, 0.02), compare=1.0)
ROLLOUT = Rollout(3, 4, (0.1, 0.5, 1.0), step_s=20.0, min_requests=100, gates=GATES)


class Canary(msgspec.Struct, frozen=True):
    """How the new version is unlike the old."""

    slower: float = 1.0
    wrong: float = 0.0
    fails: float = 0.0


class Load(msgspec.Struct, frozen=True):
    """What comes, and what the machine is like."""

    rate: float = 50.0
    median_ms: float = 10.0
    sigma: float = 0.3
    stalls: float = 0.01  # answers that take ten times as long, of both versions
    contended: float = 1.2  # how much longer runs of routed requests take: beside others' mirrored ones
    waiting_ms: float = 5.0  # for whoever waits
    dropped: float = 0.2  # of those to be mirrored
    fails: float = 0.002  # of both versions


class Ended(msgspec.Struct, frozen=True):
    """What became of the rollout; `after_s` counts from the first request of the new version."""

    reason: str
    after_s: float


def simulate(rollout: Rollout, canary: Canary, load: Load, seed: int, look_s: float = 0.25) -> Ended:
    """Until it ends, one way or the other."""
    random, seen = Random(seed), Seen()
    now = step_began = last_look = 0.0
    first: float | None = None
    while True:
        now += random.expovariate(load.rate)
        to_target = random.random() < rollout.share
        first = now if first is None and to_target else first
        failed = random.random() < load.fails + (canary.fails if to_target else 0)
        seen.add(of_target=to_target, mirrored=False, failed=failed)
        if not failed:
            run_ns = int(_run_ns(random, canary, load, of_target=to_target) * load.contended)
            share = rollout.share if to_target else 1 - rollout.share
            waited_ms = random.expovariate(1) * load.waiting_ms * share
            seen.add_time(RUNS, run_ns, of_target=to_target)
            seen.add_time(ANSWERS, run_ns + int(waited_ms * 1e6), of_target=to_target)
        if not failed and random.random() < rollout.gates.compare * (1 - load.dropped):
            first = now if first is None else first
            seen.add(of_target=not to_target, mirrored=True, failed=not to_target and random.random() < canary.fails)
            seen.add_time(
                MIRRORED_RUNS, _run_ns(random, canary, load, of_target=not to_target), of_target=not to_target
            )
            wrong = random.random() < canary.wrong
            seen.add_difference(Difference(float(wrong), float(wrong), wrong))
        if now - last_look < look_s:
            continue
        last_look = now
        match next_move(rollout, seen, now - step_began):
            case GoTo(step):
                rollout = msgspec.structs.replace(rollout, step=step)
                seen.begin_step()
                step_began = now
            case Finish():
                return Ended("", now - (first or 0.0))
            case Back(reason):
                return Ended(reason, now - (first or 0.0))


def _run_ns(random: Random, canary: Canary, load: Load, *, of_target: bool) -> int:
    ms = load.median_ms * random.lognormvariate(0, load.sigma) * (canary.slower if of_target else 1)
    return int(ms * (10 if random.random() < load.stalls else 1) * 1e6)
