"""How long a request waits for something of an answer before it counts as failed, by how long others took. Pure."""

from collections.abc import Collection

import numpy as np

FEWEST = 20
"""Answers of the old version by which it is known how long they take."""

MANY = 10
"""How many times as long as its slow ones, and as may be by the gate of times, is too long whatever is the matter."""

LEAST_NS = 3_000_000_000
"""For the first answers of a version, which may take longer than others: less than most clients wait."""


def patience_ns(answers_ns: Collection[int], ratio: float | None) -> int | None:
    """None where it is not known; `ratio` is that of the gate of times, where there is one."""
    if len(answers_ns) < FEWEST:
        return None
    slow_ns = float(np.quantile(np.fromiter(answers_ns, float), 0.99))
    return max(LEAST_NS, int(MANY * max(1.0, ratio or 1.0) * slow_ns))
