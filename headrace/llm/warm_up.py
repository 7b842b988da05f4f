"""A few steps before the first request: kernels are made, and the engine learns what steps take."""

import time
from collections.abc import Callable

import numpy as np

from headrace.errors import ModelInvalid
from headrace.llm.step_time import StepTime, decode_shape, prefill_shape
from headrace.runtimes.language import LanguageModel, TokenBatch

SIZES = ((1, 1), (1, 1), (2, 16))
"""Blocks of a prompt, and sequences that decode. The first of a kind may pay for what is made once."""

PASSES = 6  # of each size, of a model that drafts

MOST_S = 0.3  # no more are begun: a large model is not to start late for it


def warm_up(model: LanguageModel, step_time: StepTime, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
    """Compute prompts and further tokens on block 0, which belongs to nobody; tell `step_time` what they took.

    One token at least is computed again and learned from: what is made once would count as what every step takes.
    Raises ModelInvalid where what comes out are no numbers.
    """
    begun_ns, size = now_ns(), model.block_size
    for turn, (num_blocks, count) in enumerate(SIZES):
        kinds = [
            (decode_shape(size - 1).times(count), decoding(count, size)),
            (prefill_shape(0, num_blocks * size, 1), prompt(num_blocks * size, size)),
        ]
        for number, (shape, batch) in enumerate(kinds if turn else reversed(kinds)):  # what is read must be written
            started_ns = now_ns()
            if turn + number > 1 and started_ns - begun_ns > MOST_S * 1e9:
                return
            model.start(batch)
            logits = model.wait()
            if not np.isfinite(logits).all():
                raise ModelInvalid(
                    "give logits that are no finite numbers: some of them are none, or too large", "weights"
                )
            if turn:
                step_time.observe(shape, (now_ns() - started_ns) / 1e9, trial=True)


def pass_time(model: LanguageModel, now_ns: Callable[[], int] = time.monotonic_ns) -> StepTime:
    """What passes of a model take that drafts, by the fastest of a few: the others were held up by what else loads.

    It decides whether such a pass is made at all, so that a bad guess would not soon be found out.
    """
    step_time, size, begun_ns = StepTime(), model.block_size, now_ns()
    for shape, batch in (
        (decode_shape(size - 1), decoding(1, size)),
        (decode_shape(size - 1).times(4), decoding(4, size)),
        (prefill_shape(0, 2 * size, 0), prompt(2 * size, size)),
    ):
        fastest_s = float("inf")
        for turn in range(PASSES):
            started_ns = now_ns()
            if turn and started_ns - begun_ns > MOST_S * 1e9:
                break
            model.start(batch)
            model.wait()
            fastest_s = min(fastest_s, (now_ns() - started_ns) / 1e9)
        step_time.observe(shape, fastest_s)
    return step_time


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
