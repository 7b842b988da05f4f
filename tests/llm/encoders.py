"""An encoder without weights for tests: a row tells of the text's own tokens and nothing else."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Unavailable


class FakeEncoder:
    """TextEncoder whose rows are sums of numbers made of each token, its place and its type."""

    def __init__(self, vocabulary: int, max_tokens: int = 64, width: int = 8) -> None:
        self.vocabulary = vocabulary
        self.max_tokens = max_tokens
        self.width = width
        self.shapes: list[tuple[int, int]] = []
        self.closed = False
        self.full = False

    def encode(
        self, token_ids: NDArray[np.int64], lengths: NDArray[np.int64], types: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        if self.full:
            raise Unavailable("not enough memory for these texts")
        assert token_ids.shape == types.shape and token_ids.shape[1] <= self.max_tokens
        self.shapes.append((token_ids.shape[0], token_ids.shape[1]))
        rows = zip(token_ids, types, lengths, strict=True)
        return np.stack([self.row(ids[:length].tolist(), kinds[:length].tolist()) for ids, kinds, length in rows])

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
