"""What a decision of the deadline policy costs with a thousand requests waiting: an arrival, a dispatch with packing.

    python -m benchmarks.bench_policy [--queued 1000] [--rounds 400]

Lengths are log-normal (median 24 tokens, sigma 0.8, 5 to 256), deadlines from 0.1 to 2 s, times those of a small
encoder. A dispatch says what is to be given up and what runs next; what is learnt of a run that ended is counted apart.
Each request that is run is followed by an arrival, so that as many wait as before.
"""

import argparse
import itertools
import random
import statistics
import time
from collections.abc import Sequence

from benchmarks.results import keep
from headrace.batching.company import Company
from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.job import Job
from headrace.batching.latency import Latency
from headrace.batching.policy import Limits, Run

ARRIVAL_US, DISPATCH_US = 10.0, 50.0
"""The goals, of medians."""

SECOND = 1_000_000_000
CASES: dict[str, Sequence[str]] = {
    "one tenant": ("",),
    "two tenants": ("blue", "red"),
    "two tenants, one floods": ("blue", *["red"] * 19),
    "twenty tenants": [f"t{number}" for number in range(20)],
    "hundred tenants": [f"t{number}" for number in range(100)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queued", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=400)
    arguments = parser.parse_args()
    figures = {name: case(tenants, arguments.queued, arguments.rounds) for name, tenants in CASES.items()}
    keep("policy", {"goals, us": {"arrival": ARRIVAL_US, "dispatch": DISPATCH_US}, **figures})


def case(tenants: Sequence[str], queued: int, rounds: int) -> dict[str, object]:
    """Of a queue that is as long all the while."""
    dice = random.Random(5)
    policy: DeadlinePolicy[Job] = DeadlinePolicy(Limits(64, 0, 1 << 20, 1 << 30), encoder(), Company())
    arrivals, dispatches, lessons, rows, now_ns = list[float](), list[float](), list[float](), list[int](), SECOND
    turns = itertools.cycle(tenants)
    for _ in range(queued):
        arrive(policy, dice, next(turns), now_ns)
    for _ in range(rounds):
        begin = time.perf_counter_ns()
        policy.give_up(now_ns)
        run = policy.next(now_ns, 0)
        assert isinstance(run, Run)
        dispatches.append((time.perf_counter_ns() - begin) / 1e3)
        begin = time.perf_counter_ns()
        policy.began(run, now_ns)
        began_ns, now_ns = now_ns, now_ns + int(run.typical_ns)
        policy.ended(run, now_ns)
        policy.answered(run, began_ns, now_ns, now_ns)
        lessons.append((time.perf_counter_ns() - begin) / 1e3)
        rows.append(run.rows)
        while len(policy.queue) < queued:
            arrivals.append(arrive(policy, dice, next(turns), now_ns))
    return {
        "rows a run": round(statistics.mean(rows), 1),
        "arrival, us": quantiles(arrivals),
        "dispatch, us": quantiles(dispatches),
        "learning, us": quantiles(lessons),
    }


def arrive(policy: DeadlinePolicy[Job], dice: random.Random, tenant: str, now_ns: int) -> float:
    """One more waits, whether it would be in time or not; microseconds of the decision."""
    job = Job(1, min(256, max(5, round(dice.lognormvariate(3.178, 0.8)))), (), now_ns)
    job.deadline_ns = now_ns + int(dice.uniform(0.1, 2.0) * SECOND)
    job.tenant, job.num_bytes = tenant, 24 * job.length
    begin = time.perf_counter_ns()
    policy.admit(job, now_ns)
    policy.push(job, now_ns)
    return (time.perf_counter_ns() - begin) / 1e3


def encoder() -> Latency:
    """0.4 ms a run, 20 us a token: a hundred runs of every size have been seen."""
    latency, dice = Latency(), random.Random(3)
    for _ in range(20):
        for rows, length in itertools.product((1, 2, 4, 8, 16, 32, 64), (4, 8, 16, 32, 64, 128, 256)):
            ns = 400_000 + 50_000 * rows + 20_000 * rows * length
            latency.learn(rows, length, ns * dice.lognormvariate(0.0, 0.05))
    return latency


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Median, and what one in a hundred exceeds."""
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 1),
        "p99": round(ordered[int(0.99 * len(ordered))], 1),
        "count": len(ordered),
    }


if __name__ == "__main__":
    main()
