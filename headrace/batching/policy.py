"""When to close a batch: what waits, what is free and the time in; run or wait out. Pure."""

from typing import Literal

import msgspec

Reason = Literal["size", "delay", "idle", "alone"]
"""Why a batch was closed: it is full, its first request has waited long enough, an instance has nothing
else to do, or the model takes one request at a time."""


MOST_AT_INSTANCE = 2  # batches: one that runs, one that is next


class Limits(msgspec.Struct, frozen=True):
    """How a model's requests may be joined and may wait."""

    max_size: int  # rows in one run
    max_delay_ns: int  # how long the first of a batch may wait for company while an instance is idle
    max_queue: int  # requests
    max_queue_bytes: int


LONG_NS = 20_000_000  # a run for which an earlier answer to half of it is worth a second run
EVEN_ROWS = 8  # rows that a run should have at the least: below, a row costs more than in company


def share(rows: int, row_ns: float, limits: Limits) -> int:
    """How many of the waiting rows the next run takes, where a row takes `row_ns` in recent runs.

    All that may share it; but half of them where all would take long. The first half is then answered, and its
    clients ask again, while the second is computed. Without it, clients that ask again at once fall into step and
    wait for one another: one large run, in which the front ends have nothing to do, then a burst of answers.
    """
    if rows >= limits.max_size or rows * row_ns < LONG_NS:
        return limits.max_size
    return max(EVEN_ROWS, -(-rows // 2))


class Run(msgspec.Struct, frozen=True):
    """Close the batch now."""

    reason: Reason


class Wait(msgspec.Struct, frozen=True):
    """Leave it open, at most until then; None: until something else happens."""

    until_ns: int | None


def decide(rows: int, oldest_ns: int, now_ns: int, least_running: int, limits: Limits) -> Run | Wait:
    """Whether the batch of `rows` rows, the first of which has waited since `oldest_ns`, is closed now.

    `least_running` is how many batches the instance has that has least to do. One that has nothing to do gets
    what there is. Of one that runs a batch a full one may already wait, so that it goes on without a pause; a batch
    that is not full stays open and grows, for a larger batch is cheaper and nothing is lost by it.
    """
    if rows >= limits.max_size and least_running < MOST_AT_INSTANCE:
        return Run("alone" if limits.max_size == 1 else "size")
    if least_running:
        return Wait(None)
    if not limits.max_delay_ns:
        return Run("idle")
    closes_ns = oldest_ns + limits.max_delay_ns
    return Run("delay") if now_ns >= closes_ns else Wait(closes_ns)
