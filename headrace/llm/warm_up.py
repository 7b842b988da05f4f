"""A few steps before the first request: kernels are made, and the engine learns what steps take."""

import time
from collections.abc import Callable

import numpy as np

from headrace.errors import ModelInvalid
from headrace.llm.step_time import StepShape, StepTime, decode_shape, prefill_shape
from headrace.runtimes.language import LanguageModel, TokenBatch

SIZES = ((1, 1), (1, 1), (2, 16))
"""Blocks of a prompt, and sequences that decode. The first of a kind may pay for what is made once."""

PASSES = 8  # of a model that drafts, by how many texts

MOST_S = 0.3  # no more are begun: a large model is not to start late for it


def warm_up(model: LanguageModel, step_time: StepTime, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
    """Compute prompts and further tokens on block 0, which belongs to nobody; tell `step_time` what they took.

    Raises ModelInvalid where what comes out are no numbers.
    """
    begun_ns, size = now_ns(), model.block_size
    for turn, (num_blocks, count) in enumerate(SIZES):
        kinds = (
            (prefill_shape(0, num_blocks * size, 1), prompt(num_blocks * size, size)),
            (_all(decode_shape(size - 1), count), decoding(count, size)),
        )
        for shape, batch in kinds:
            started_ns = now_ns()
            if turn and started_ns - begun_ns > MOST_S * 1e9:
                return
            model.start(batch)
            logits = model.wait()
            if not np.isfinite(logits).all():
                raise ModelInvalid(
                    "give logits that are no finite numbers: some of them are none, or too large", "weights"
                )
            if turn:
                step_time.observe(shape, (now_ns() - started_ns) / 1e9)


def learn_passes(model: LanguageModel, step_time: StepTime, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
    """Compute a few further tokens on block 0: what such a pass takes decides whether one is ever made again."""
    begun_ns, size = now_ns(), model.block_size
    for _ in range(PASSES):
        for count in (1, 4):
            started_ns = now_ns()
            if started_ns - begun_ns > MOST_S * 1e9:
                return
            model.start(decoding(count, size))
            model.wait()
            step_time.observe(_all(decode_shape(size - 1), count), (now_ns() - started_ns) / 1e9)


def prompt(num_tokens: int, block_size: int) -> TokenBatch:
    """One sequence that begins; its table has block 0 only."""
    num_blocks = -(-num_tokens // block_size)
    return TokenBatch(
        np.zeros(num_tokens, np.int64),
        np.arange(num_tokens),
        np.zeros(1, np.int32),
        np.array([0, num_tokens], np.int32),
        np.zeros(num_blocks, np.int32),
        np.array([0, num_blocks], np.int32),
        np.array([num_tokens - 1]),
    )


def decoding(count: int, block_size: int) -> TokenBatch:
    """So many sequences, each at the end of a block."""
    return TokenBatch(
        np.zeros(count, np.int64),
        np.full(count, block_size - 1),
        np.full(count, block_size - 1, np.int32),
        np.arange(count + 1, dtype=np.int32),
        np.zeros(count, np.int32),
        np.arange(count + 1, dtype=np.int32),
        np.arange(count),
    )


def _all(shape: StepShape, count: int) -> StepShape:
    """Of so many parts."""
    return StepShape(shape.tokens * count, shape.rows * count, shape.context * count, shape.pairs * count)
