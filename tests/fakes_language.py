"""A language model without weights that reads the past only through the blocks it is given, and so finds every mistake
in them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.runtimes.language import TokenBatch

MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """A 64-bit number that looks random and depends on every bit (the end of MurmurHash3)."""
    value &= MASK
    value = ((value ^ (value >> 33)) * 0xFF51AFD7ED558CCD) & MASK
    value = ((value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53) & MASK
    return value ^ (value >> 33)


class FakeLanguage:
    """LanguageModel whose next token is a hash of all tokens before it, as its cache has them.

    Each slot of the cache holds a hash of its token and of everything before, so a block in the wrong place, of another
    text, not yet computed or overwritten changes the next token. With `period` the text repeats itself: the next token
    is the one `period` tokens back, but for one in `glitch` tokens (0: none), which is the hash again.

    With `exact` the hash also tells whether a token was the only one of its sequence in a step, as real kernels round
    otherwise then: the next token changes where a prompt's piece is a single token, or generated tokens are computed
    together. Generated tokens are of the vocabulary's upper half then, so that no prompt of the lower half finds them.

    As by real kernels, the end of a block behind the last token of a sequence of several is wiped.
    """

    def __init__(
        self,
        vocabulary: int = 50,
        max_context: int = 4096,
        block_size: int = 32,
        period: int = 0,
        glitch: int = 0,
        exact: bool = False,
    ) -> None:
        self.vocabulary = vocabulary
        self.max_context = max_context
        self.block_size = block_size
        self.block_bytes = block_size * 16
        self.period = period
        self.glitch = glitch
        self.exact = exact
        self.num_steps = 0
        self.num_tokens = 0
        self.closed = False
        self._slots: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._tokens: NDArray[np.int64] = np.zeros(0, np.int64)
        self._logits: NDArray[np.float32] | None = None

    def allocate(self, num_blocks: int) -> None:
        assert not len(self._slots), "the cache is made once"
        self._slots = np.zeros(num_blocks * self.block_size, np.uint64)
        self._tokens = np.full(num_blocks * self.block_size, -1, np.int64)

    def start(self, batch: TokenBatch) -> None:
        assert self._logits is None, "a step runs already"
        self._check(batch)
        next_ids = np.zeros(len(batch.token_ids), np.int64)
        written: list[NDArray[np.int64]] = []
        wiped: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        for row, past in enumerate(batch.past_lens.tolist()):
            begin, end = batch.begins[row], batch.begins[row + 1]
            table = batch.blocks[batch.block_begins[row] : batch.block_begins[row + 1]]
            slots = self._slots_of(table, past + end - begin)
            if table.any():
                written.append(slots[past:])
                if end - begin > 1:
                    wiped.append(self._wipe(table, past + end - begin))
            next_ids[begin:end] = self._extend(batch.token_ids[begin:end].tolist(), past, slots)
        new = np.concatenate(written) if written else np.zeros(0, np.int64)
        assert len(np.unique(new)) == len(new), "two tokens of one step are written to one place"
        assert not np.isin(new, np.concatenate(wiped)).any(), "what is written behind several tokens of a block is lost"
        self._logits = self._peaked(next_ids[batch.sample_at])
        self.num_steps += 1
        self.num_tokens += len(batch.token_ids)

    def wait(self) -> NDArray[np.float32]:
        assert self._logits is not None, "no step runs"
        logits, self._logits = self._logits, None
        return logits

    def rest(self) -> bool:
        return False

    def copy_blocks(self, pairs: Sequence[tuple[int, int]]) -> None:
        for source, target in pairs:
            for memory in (self._slots, self._tokens):
                rows = memory.reshape(-1, self.block_size)
                rows[target] = rows[source]

    def close(self) -> None:
        self.closed = True

    def greedy(self, prompt: Sequence[int], count: int) -> list[int]:
        """What a request alone is answered: the prompt in one step, then one token a step, in a cache of its own."""
        alone = FakeLanguage(self.vocabulary, self.max_context, self.block_size, self.period, self.glitch, self.exact)
        num_blocks = -(-(len(prompt) + count) // self.block_size)
        alone.allocate(num_blocks + 1)
        slots = alone._slots_of(np.arange(1, num_blocks + 1, dtype=np.int32), len(prompt) + count)
        ids = [alone._extend(list(prompt), 0, slots[: len(prompt)])[-1]]
        while len(ids) < count:
            past = len(prompt) + len(ids) - 1
            ids += alone._extend(ids[-1:], past, slots[: past + 1])
        return ids

    def _slots_of(self, table: NDArray[np.int32], count: int) -> NDArray[np.int64]:
        """Where in the cache the first `count` tokens of a sequence are."""
        positions = np.arange(count)
        return table[positions // self.block_size].astype(np.int64) * self.block_size + positions % self.block_size

    def _wipe(self, table: NDArray[np.int32], count: int) -> NDArray[np.int64]:
        """Forget what lies behind the first `count` tokens of a sequence in the block of the last; where that is."""
        used = (count - 1) % self.block_size + 1
        slots = int(table[(count - 1) // self.block_size]) * self.block_size + np.arange(used, self.block_size)
        self._tokens[slots] = -1
        return slots

    def _extend(self, token_ids: list[int], past: int, slots: NDArray[np.int64]) -> list[int]:
        """Write tokens after `past` others; the next token after each."""
        assert (self._tokens[slots[:past]] >= 0).all(), "a block is read that was never computed"
        weights = np.arange(1, 2 * past, 2, dtype=np.uint64)
        seen = int(np.dot(self._slots[slots[:past]], weights))  # modulo 2^64; changes with the order
        kernel = 0x9E3779B97F4A7C15 if self.exact and len(token_ids) == 1 else 0
        next_ids = []
        for position, token in enumerate(token_ids, start=past):
            slot = mix(seen ^ mix(token * 2654435761 + position) ^ kernel)
            self._slots[slots[position]] = slot
            self._tokens[slots[position]] = token
            seen = (seen + slot * (2 * position + 1)) & MASK
            next_ids.append(self._next(mix(seen), position + 1, slots))
        return next_ids

    def _next(self, state: int, position: int, slots: NDArray[np.int64]) -> int:
        copies = self.period and position >= self.period and not (self.glitch and state % self.glitch == 0)
        next_id = int(self._tokens[slots[position - self.period]]) if copies else (state >> 8) % self.vocabulary
        half = self.vocabulary // 2
        return half + next_id % half if self.exact else next_id

    def _peaked(self, next_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits 12, 10, 9, 8 at the next token and those that follow it, 0 elsewhere."""
        logits = np.zeros((len(next_ids), self.vocabulary), np.float32)
        rows = np.arange(len(next_ids))
        for offset, logit in ((3, 8), (2, 9), (1, 10), (0, 12)):
            logits[rows, (next_ids + offset) % self.vocabulary] = logit
        return logits

    def _check(self, batch: TokenBatch) -> None:
        """Raise AssertionError unless the batch is as the protocol says."""
        dtypes = ("int64", "int64", "int32", "int32", "int32", "int32", "int64")
        for field, dtype in zip(batch.__struct_fields__, dtypes, strict=True):
            assert getattr(batch, field).dtype == dtype, field
        count, num_sequences = len(batch.token_ids), len(batch.past_lens)
        assert len(batch.begins) == len(batch.block_begins) == num_sequences + 1
        assert (batch.begins[0], batch.begins[-1], batch.block_begins[0]) == (0, count, 0)
        assert batch.block_begins[-1] == len(batch.blocks)
        lengths = np.diff(batch.begins)
        assert (lengths > 0).all()
        assert (np.diff(batch.block_begins) * self.block_size >= batch.past_lens + lengths).all(), "a table is short"
        starts = np.repeat(batch.past_lens - batch.begins[:-1], lengths)
        assert (batch.positions == np.arange(count) + starts).all()
        assert batch.positions.max() < self.max_context
        assert ((batch.blocks >= 0) & (batch.blocks < len(self._slots) // self.block_size)).all()
        assert ((batch.token_ids >= 0) & (batch.token_ids < self.vocabulary)).all()
        assert ((batch.sample_at >= 0) & (batch.sample_at < count)).all()
