"""When to close a batch: what waits, what is free and the time in; run or wait out. Pure."""

from typing import Literal

import msgspec

Reason = Literal["size", "delay", "idle", "alone"]
"""Why a batch was closed: it is full, its first request has waited long enough, an instance has nothing
else to do, or the model takes one request at a time."""


class Limits(msgspec.Struct, frozen=True):
    """How a model's requests may be joined and may wait."""

    max_size: int  # rows in one run
    max_delay_ns: int  # how long the first of a batch may wait for company while an instance is idle
    max_queue: int  # requests
    max_queue_bytes: int


class Run(msgspec.Struct, frozen=True):
    """Close the batch now."""

    reason: Reason


class Wait(msgspec.Struct, frozen=True):
    """Leave it open, at most until then; None: until something else happens."""

    until_ns: int | None


def decide(rows: int, oldest_ns: int, now_ns: int, room: int, limits: Limits) -> Run | Wait:
    """Whether the batch of `rows` rows, the first of which has waited since `oldest_ns`, is closed now.

    `room` is how many more batches the instances can take. While they can take none the batch stays open
    and grows: waiting costs nothing then.
    """
    if not room:
        return Wait(None)
    if limits.max_size == 1:
        return Run("alone")
    if rows >= limits.max_size:
        return Run("size")
    if not limits.max_delay_ns:
        return Run("idle")
    closes_ns = oldest_ns + limits.max_delay_ns
    return Run("delay") if now_ns >= closes_ns else Wait(closes_ns)
