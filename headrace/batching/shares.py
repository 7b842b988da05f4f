"""Whose a run was, by rows: each member's tenant, and what became of it."""

from collections.abc import Sequence

from headrace.batching.waiting import Waiting
from headrace.device_time import Share


def shares_of(batch: Sequence[Waiting], *, failed: bool) -> tuple[Share, ...]:
    """Of a batch whose members have been answered, or put back into the queue for another run."""
    if len(batch) == 1:
        (item,) = batch
        return ((item.tenant, _phase(item, failed), item.rows),)
    rows: dict[tuple[str, str], int] = {}
    for item in batch:
        of = item.tenant, _phase(item, failed) if failed or item.left else "serve"
        rows[of] = rows.get(of, 0) + item.rows
    return tuple([(tenant, phase, count) for (tenant, phase), count in rows.items()])


def _phase(item: Waiting, failed: bool) -> str:
    if item.left:
        return "cancelled"
    if not failed:
        return "serve"
    return "retried" if item.queued else "failed"
