"""An encoder without weights for tests: a row tells of the text's own tokens and nothing else."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Unavailable
from headrace.runtimes.language import TextBatch


class FakeEncoder:
    """TextEncoder whose rows are sums of numbers made of each token, its place and its type."""

    def __init__(self, vocabulary: int, max_tokens: int = 64, width: int = 8, padded: bool = True) -> None:
        self.vocabulary = vocabulary
        self.max_tokens = max_tokens
        self.width = width
        self.padded = padded
        self.batches: list[list[int]] = []  # lengths of their texts
        self.closed = False
        self.full = False

    def encode(self, batch: TextBatch) -> NDArray[np.float32]:
        if self.full:
            raise Unavailable("not enough memory for these texts")
        assert len(batch.token_ids) == len(batch.types) == batch.lengths.sum()
        assert batch.lengths.min() > 0 and batch.lengths.max() <= self.max_tokens
        self.batches.append(batch.lengths.tolist())
        cuts = np.cumsum(batch.lengths)[:-1]
        texts = zip(np.split(batch.token_ids, cuts), np.split(batch.types, cuts), strict=True)
        return np.stack([self.row(ids.tolist(), kinds.tolist()) for ids, kinds in texts])

    def row(self, token_ids: Sequence[int], types: Sequence[int] = ()) -> NDArray[np.float32]:
        """What a text alone is given."""
        types = types or [0] * len(token_ids)
        numbers = [
            np.random.default_rng((token_id, place, kind)).normal(size=self.width)
            for place, (token_id, kind) in enumerate(zip(token_ids, types, strict=True))
        ]
        row: NDArray[np.float32] = np.sum(numbers, axis=0).astype(np.float32)
        return row

    def close(self) -> None:
        self.closed = True
