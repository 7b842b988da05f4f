"""One run of a loaded model on made-up rows, timed as a batch of requests is: from its hand-over to its answer."""

import asyncio
from math import prod

from headrace.arrays import ITEM_BYTES, LENGTH
from headrace.batching.instance import Instance, Outcome, Rows, Work
from headrace.batching.latency import Latency
from headrace.batching.latency_store import Kept
from headrace.batching.sweep import Size, Sweep, measure, sizes
from headrace.clock import Clock
from headrace.errors import ModelUnavailable
from headrace.types import FREE, BatchAxis, Shape, Signature, TensorSpec

LONGEST = 512
"""Lengths beyond it are foreseen; most models that read text take no more."""


class Trial:
    """Runs one size after another on an instance that answers nobody else meanwhile."""

    def __init__(self, instance: Instance, signature: Signature, clock: Clock) -> None:
        self._instance = instance
        self._signature = signature
        self._clock = clock

    async def __call__(self, rows: int, length: int) -> float:
        """The nanoseconds that it took. Raises what the run came to, where it was refused or lost."""
        if not self._instance.ready:
            raise ModelUnavailable("its worker died of an earlier run")
        work = made_up(self._signature, rows, length)
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def done(outcome: Outcome) -> None:
            if ended.done():
                return  # whoever tried it has been cancelled
            if outcome.error is not None:
                ended.set_exception(outcome.error)
            else:
                ended.set_result(self._clock.now_ns())

        begin_ns = self._clock.now_ns()
        self._instance.run(work, done)
        return float(await ended - begin_ns)


async def get_to_know(trial: Trial, sizes: list[Size], kept: Kept | None, budget_s: float) -> Latency:
    """What runs take: from what was kept and a few runs of the smallest size; where nothing fresh was, from a sweep.

    Without a budget nothing is run. Raises what a run raises that is no refusal.
    """
    latency = kept.latency if kept else Latency()
    fresh = kept is not None and kept.fresh and latency.known
    await measure(Sweep(sizes[:1] if fresh else sizes, budget_s * 1e9), trial, latency)
    return latency


def sizes_of(signature: Signature) -> list[Size]:
    """The sizes that may be tried; none where inputs have dimensions of which nothing is known."""
    batch = signature.batch
    if batch.pending or any(_shape(spec, batch, 1, 1) is None for spec in signature.inputs):
        return []
    return sizes(batch.max_size if batch.batched else 1, LONGEST if batch.pad else 0)


def made_up(signature: Signature, rows: int, length: int) -> Work:
    """Rows of zeros, and of empty texts, as in a warm-up. Raises ValueError where a shape is not known."""
    inputs = []
    for spec in signature.inputs:
        shape = _shape(spec, signature.batch, rows, length)
        if shape is None:
            raise ValueError(f"input {spec.name!r} has dimensions of which nothing is known")
        inputs.append(
            Rows(spec.name, spec.datatype, shape, [bytes(prod(shape) * (ITEM_BYTES[spec.datatype] or LENGTH.size))])
        )
    return Work(tuple(inputs), ())


def _shape(spec: TensorSpec, batch: BatchAxis, rows: int, length: int) -> Shape | None:
    shape = list(spec.shape)
    if batch.batched and shape:
        shape[0] = rows
    if batch.pad and spec.name in batch.pad.values and batch.pad.axis < len(shape):
        shape[batch.pad.axis] = length
    return None if FREE in shape else tuple(shape)
