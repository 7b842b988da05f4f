"""How next logits, or vectors of whole texts, are computed: the protocols between an engine and what runs the graph."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray


class TokenBatch(msgspec.Struct, frozen=True):
    """The tokens of one step, of all its sequences one after another. T tokens, S sequences, R rows wanted.

    Block 0 belongs to nobody: it is for warming up, and for padding.

    Sequences may share blocks: keys and values of the whole step are written before any attention is computed. So
    tokens proposed ahead are laid as sequences of one token each over one table, the j-th with j more `past_lens`:
    each is then computed to the bit as if it came alone. A sequence of several tokens (a chunk of a prompt) goes
    through another kernel, whose bits do not depend on how the prompt is cut as long as no piece is a single token.
    That one may wipe the rest of the block in which its last token lies: no other of the step is written there.
    """

    token_ids: NDArray[np.int64]  # [T]
    positions: NDArray[np.int64]  # [T]
    past_lens: NDArray[np.int32]  # [S]: tokens of each that the cache holds already
    begins: NDArray[np.int32]  # [S + 1]: where each sequence's tokens begin in `token_ids`
    blocks: NDArray[np.int32]  # block tables one after another, those of the new tokens included
    block_begins: NDArray[np.int32]  # [S + 1]: where each sequence's table begins in `blocks`
    sample_at: NDArray[np.int64]  # [R]: rows of `token_ids` whose logits are wanted


class LanguageModel(Protocol):
    """A decoder with a paged key-value cache. One step at a time; not thread-safe."""

    vocabulary: int
    max_context: int
    block_size: int  # tokens
    block_bytes: int  # of all layers together

    def allocate(self, num_blocks: int) -> None:
        """Make the cache. Raises Unavailable where memory lacks. Once, before the first step."""
        ...

    def start(self, batch: TokenBatch) -> None:
        """Begin a step; `wait` ends it. Between the two the caller may compute, but not touch the batch's arrays."""
        ...

    def wait(self) -> NDArray[np.float32]:
        """The logits [R, vocabulary] of the step that runs; valid until the next `start`. Releases the interpreter."""
        ...

    def rest(self) -> bool:
        """Nobody waits for a step: a few milliseconds of work that later ones are spared; False where none is left."""
        ...

    def copy_blocks(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy whole blocks, (from, to), between two steps."""
        ...

    def close(self) -> None: ...


class Rules(NamedTuple):
    """How one row's token is chosen."""

    row: int  # of the logits
    temperature: float  # 0: the greatest is chosen
    min_p: float
    top_p: float
    top_k: int  # 0: any number
    key: int  # with `position` the text's random numbers, as in `llm/randomness.py`
    position: int
    mask: NDArray[np.int32] | None = (
        None  # [words], contiguous: its set bits, the lowest first, are tokens that may come
    )


Choose = Callable[[NDArray[np.float32], int, Sequence[Rules]], list[int]]
"""From logits [R, V], contiguous, a token id for each; UNDECIDED where that is to be found otherwise, as of every row
with what is no number, or none that is finite. The int is the depth of the table in which tokens that are drawn lie
(`llm/drawing.py`): it divides V."""

UNDECIDED = -1


class TextBatch(msgspec.Struct, frozen=True):
    """Texts of one run, one behind another. N tokens, B texts, none of them empty."""

    token_ids: NDArray[np.int64]  # [N]
    lengths: NDArray[np.int64]  # [B]
    types: NDArray[np.int64]  # [N]: which of a pair's texts a token is of


class TextEncoder(Protocol):
    """An encoder: whole texts in, one row of numbers for each out. One batch at a time; not thread-safe."""

    vocabulary: int
    max_tokens: int  # of a text, special tokens included
    width: int  # numbers in a row: a vector's, or a cross-encoder's logits
    padded: bool  # whether each text of a batch is computed at the length of the longest, `padded_length` of it

    def encode(self, batch: TextBatch) -> NDArray[np.float32]:
        """Rows [B, width], which are the caller's. Raises Unavailable where memory lacks."""
        ...

    def close(self) -> None: ...


LENGTH_STEP = 4
"""Of lengths that texts are filled up to: every new shape costs the runtime some time."""


def padded_length(length: int) -> int:
    """The length that a text of so many tokens is computed at, at least, where texts are filled up."""
    return -(-length // LENGTH_STEP) * LENGTH_STEP
