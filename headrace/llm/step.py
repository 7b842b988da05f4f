"""What the scheduler chose for one step, and the arrays that a forward pass needs for it."""

from array import array
from collections.abc import Iterator
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.llm.sequence import Sequence
from headrace.llm.step_time import StepShape
from headrace.runtimes.language import TokenBatch

T = TypeVar("T", np.int32, np.int64)


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """The next tokens of one sequence: known ones from `past` on, then its first `num_drafts` drafts.

    Several tokens of one sequence go through another kernel than a single one, and it rounds otherwise. So each token
    after the prompt is laid as a sequence of its own, as if it came alone, also where many are known at once (drafts, a
    text computed again after a preemption); and no piece of a prompt is a single token, unless the prompt is.

    A chunk ends with the prompt or before, or begins behind it. All that a step writes to the cache is written first;
    then the kernel for several tokens, where the cache holds numbers as they are computed with, wipes what lies behind
    the last of them in its block: a token laid there in the same step would be lost.

    Its rows of logits are those after its last `num_rows` tokens. Where it samples, the last 1 + num_drafts of them
    choose the next tokens; where the prompt's log-probabilities are wanted, all of them tell of the prompt.
    """

    sequence: Sequence
    past: int  # tokens of it that the cache holds already
    num_tokens: int  # drafts included
    num_drafts: int
    num_rows: int
    samples: bool  # whether it reaches the last known token


class Step(msgspec.Struct, frozen=True):
    """One forward pass. Valid until the scheduler's next `update`, `finish` or `abort`."""

    chunks: tuple[Chunk, ...]
    preempted: tuple[Sequence, ...]  # to make room; they wait again
    shape: StepShape
    seconds: float  # what it will probably take

    @property
    def num_drafts(self) -> int:
        return sum(chunk.num_drafts for chunk in self.chunks)


class StepArrays:
    """Lays steps out as TokenBatches, in buffers that are used again and grow where they must.

    A batch is valid until the next is laid. No object is made for a token of a prompt.
    """

    def __init__(self, block_size: int) -> None:
        self._block_size = block_size
        self._counting = np.zeros(0, np.int64)
        self._token_ids = np.zeros(0, np.int64)
        self._positions = np.zeros(0, np.int64)
        self._sample_at = np.zeros(0, np.int64)
        self._blocks = np.zeros(0, np.int32)

    def lay(self, step: Step) -> TokenBatch:
        """The step's tokens in the order of its chunks; rows of logits come in the same order."""
        chunks = step.chunks
        if all(chunk.num_tokens == 1 for chunk in chunks):
            return self._lay_singles(chunks)
        num_tokens = sum(chunk.num_tokens for chunk in chunks)
        num_rows = sum(chunk.num_rows for chunk in chunks)
        self._grow(num_tokens, num_rows, max(chunk.past + chunk.num_tokens for chunk in chunks))
        past_lens: list[int] = []
        begins, block_begins = [0], [0]
        row = 0
        for chunk in chunks:
            row = self._lay_chunk(chunk, begins[-1], row)
            for past, length, count in _pieces(chunk, self._block_size):
                past_lens.extend(range(past, past + count))
                begins.extend(range(begins[-1] + length, begins[-1] + length * count + 1, length))
                self._lay_tables(chunk.sequence.blocks, -(-(past + length) // self._block_size), count, block_begins)
        return TokenBatch(
            token_ids=self._token_ids[:num_tokens],
            positions=self._positions[:num_tokens],
            past_lens=np.array(past_lens, np.int32),
            begins=np.array(begins, np.int32),
            blocks=self._blocks[: block_begins[-1]],
            block_begins=np.array(block_begins, np.int32),
            sample_at=self._sample_at[:num_rows],
        )

    def _lay_singles(self, chunks: tuple[Chunk, ...]) -> TokenBatch:
        """The same where each chunk is one token, as in nearly every step: nothing is done a sequence at a time."""
        count = len(chunks)
        self._grow(count, count, count)
        pasts = [chunk.past for chunk in chunks]
        tables, ends = array("i"), [0]
        for chunk in chunks:
            blocks, length = chunk.sequence.blocks, chunk.past // self._block_size + 1
            tables += blocks if len(blocks) == length else blocks[:length]
            ends.append(len(tables))
        self._token_ids[:count] = [chunk.sequence.token_ids[chunk.past] for chunk in chunks]
        self._positions[:count] = pasts
        rows = [at for at, chunk in enumerate(chunks) if chunk.num_rows]
        return TokenBatch(
            token_ids=self._token_ids[:count],
            positions=self._positions[:count],
            past_lens=np.array(pasts, np.int32),
            begins=np.arange(count + 1, dtype=np.int32),
            blocks=np.frombuffer(tables, np.int32),
            block_begins=np.array(ends, np.int32),
            sample_at=np.array(rows, np.int64),
        )

    def _lay_chunk(self, chunk: Chunk, begin: int, row: int) -> int:
        """One chunk's tokens from `begin` and its rows from `row` on; the next chunk's row."""
        count, past, num_rows = chunk.num_tokens, chunk.past, chunk.num_rows
        end = begin + count
        tokens = chunk.sequence.token_ids[past : past + count - chunk.num_drafts]
        if chunk.num_drafts:
            tokens += array("q", chunk.sequence.draft_ids[: chunk.num_drafts])
        self._token_ids[begin:end] = tokens
        self._positions[begin:end] = self._counting[past : past + count]
        self._sample_at[row : row + num_rows] = self._counting[end - num_rows : end]
        return row + num_rows

    def _lay_tables(self, blocks: "array[int]", length: int, count: int, block_begins: list[int]) -> None:
        """The first `length` blocks, `count` times, after what is laid; notes where each ends."""
        begin = block_begins[-1]
        end = begin + length * count
        if len(self._blocks) < end:
            laid, self._blocks = self._blocks, np.zeros(2 * end, np.int32)
            self._blocks[:begin] = laid[:begin]
        self._blocks[begin:end].reshape(count, length)[:] = blocks if len(blocks) == length else blocks[:length]
        block_begins.extend(range(begin + length, end + 1, length))

    def _grow(self, num_tokens: int, num_rows: int, num_positions: int) -> None:
        self._token_ids = _at_least(self._token_ids, num_tokens)
        self._positions = _at_least(self._positions, num_tokens)
        self._sample_at = _at_least(self._sample_at, num_rows)
        count = max(num_positions, num_tokens)
        if len(self._counting) < count:
            self._counting = np.arange(2 * count)


def _pieces(chunk: Chunk, block_size: int) -> Iterator[tuple[int, int, int]]:
    """(tokens before the first, tokens of each, how many) of the sequences that a chunk is laid as.

    One of the prompt's tokens, or one for every token behind it; those of one block are told together, their tables are
    equal.
    """
    past, end, prompt_end = chunk.past, chunk.past + chunk.num_tokens, chunk.sequence.num_prompt_tokens
    if past < prompt_end:
        assert end <= prompt_end, f"a chunk of tokens {past} to {end} goes past the prompt's end at {prompt_end}"
        yield past, chunk.num_tokens, 1
        return
    while past < end:
        count = min(end, (past // block_size + 1) * block_size) - past
        yield past, 1, count
        past += count


def _at_least(buffer: NDArray[T], count: int) -> NDArray[T]:
    return buffer if len(buffer) >= count else np.zeros(2 * count, buffer.dtype)
