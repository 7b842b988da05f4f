"""What a step needs beside its tokens so that a sequence has the same bits alone as in company; only arrays, no model.

Attention leaves the order of its sums open where its sequences are fewer than the threads, which then share one's past
(`MHA::operator()` of the plug-in's executor_pa.cpp): sequences without tokens make up the number, and cost nothing.
Products of one row may have a kernel of their own, with another order of sums: they are given a second row.
"""

import numpy as np

from headrace.runtimes.language import TokenBatch


def filled_up(batch: TokenBatch, threads: int, least_rows: int) -> TokenBatch:
    """The batch, with at least `least_rows` (1 or 2) tokens and wanted rows, and as many sequences as its attention
    needs. What is added stands behind, has block 0, and belongs to nobody."""
    token_ids, positions, sample_at = batch.token_ids, batch.positions, batch.sample_at
    past_lens, begins, blocks, block_begins = batch.past_lens, batch.begins, batch.blocks, batch.block_begins
    if sample_at.size < least_rows:  # a product of no rows is not to be trusted either
        sample_at = np.append(sample_at, FIRST_ROWS[: least_rows - sample_at.size])
    if token_ids.size < least_rows:
        token_ids, positions = np.append(token_ids, 0), np.append(positions, 0)
        past_lens, begins = np.append(past_lens, NONE), np.append(begins, begins[-1:] + ONE)
        blocks, block_begins = np.append(blocks, NONE), np.append(block_begins, block_begins[-1:] + ONE)
    num_sequences = past_lens.size
    if num_sequences < threads and token_ids.size == num_sequences:
        nothing = np.zeros(threads - num_sequences, np.int32)
        past_lens = np.append(past_lens, nothing)
        begins, block_begins = (
            np.append(begins, begins[-1] + nothing),
            np.append(block_begins, block_begins[-1] + nothing),
        )
    return TokenBatch(token_ids, positions, past_lens, begins, blocks, block_begins, sample_at)


NONE, ONE = np.zeros(1, np.int32), np.ones(1, np.int32)
FIRST_ROWS = np.zeros(2, np.int64)
