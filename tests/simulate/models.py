"""Models whose times are known, for simulations in tests."""

import itertools
from random import Random
from typing import Any

from headrace.batching.latency import Latency
from headrace.simulate.scenario import Scenario

MS = 1_000_000
ROWS = (1, 2, 4, 8, 16, 32)


def kept(
    run_ms: float = 2.0, row_ms: float = 1.0, token_ms: float = 0.0, noise: float = 0.1, seed: int = 1
) -> dict[str, Any]:
    """What would be kept of a model: so much a run, a row and a token of a row, with log-normal noise."""
    latency, dice = Latency(), Random(seed)
    lengths = (4, 8, 16, 32, 64, 128, 256) if token_ms else (0,)
    for _ in range(20):
        for rows, length in itertools.product(ROWS, lengths):
            ms = run_ms + rows * (row_ms + token_ms * length)
            latency.learn(rows, length, ms * MS * dice.lognormvariate(0.0, noise))
    return latency.to_json()


def scenario(**changes: Any) -> Scenario:
    """One machine; a run takes 2 ms and 1 ms a row, an answer is in time within 50 ms."""
    made: dict[str, Any] = {"latency": kept(), "slo_ns": 50 * MS}
    return Scenario(**{**made, **changes})
