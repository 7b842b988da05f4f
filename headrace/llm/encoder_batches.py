"""Which texts an encoder reads together: those of like length, so that little is computed for padding. Pure."""

from collections.abc import Sequence

from headrace.runtimes.language import padded_length

MOST_TOKENS = 1024  # of one batch, padding included: how long a step may take
RUN_TOKENS = 32  # tokens that cost as much as one more run, which reads all weights


def first_that_fit(lengths: Sequence[int], most_tokens: int = MOST_TOKENS) -> int:
    """How many of the first texts a batch takes in which none is filled up: one at least."""
    taken, tokens = 0, 0
    for length in lengths:
        tokens += length
        if taken and tokens > most_tokens:
            break
        taken += 1
    return taken


def batches(lengths: Sequence[int], most_tokens: int = MOST_TOKENS, run_tokens: int = RUN_TOKENS) -> list[list[int]]:
    """Divide texts that are filled up, by their numbers in `lengths`, so that tokens and runs together cost least.

    A batch costs its size times its longest text and `run_tokens`. Texts sorted by length are divided in the best way,
    by dynamic programming; no batch computes more than `most_tokens`, but for one text that is longer itself.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    costs, begins = [0], [0]  # of the best division of the first texts, and where its last batch begins
    for end in range(1, len(order) + 1):
        longest = padded_length(lengths[order[end - 1]])
        least = max(0, end - max(1, most_tokens // longest))
        cost, begin = min((costs[begin] + (end - begin) * longest + run_tokens, begin) for begin in range(least, end))
        costs.append(cost)
        begins.append(begin)
    divided = []
    end = len(order)
    while end:
        divided.append(order[begins[end] : end])
        end = begins[end]
    return divided
