"""A graph run through the paged-attention pass, in float32 throughout, to be compared with goldens."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino._offline_transformations import paged_attention_transformation

from headrace.graphs.capped_attention import cap_attention
from headrace.graphs.windows import set_windows
from headrace.weights.checkpoint import Architecture

BLOCK = 32
F32 = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "INFERENCE_NUM_THREADS": 2,
    "NUM_STREAMS": 1,
    "ENABLE_CPU_PINNING": False,
}


class Paged:
    """A compiled decoder with a few blocks of cache."""

    def __init__(self, model: ov.Model, facts: Architecture | None = None, num_blocks: int = 16) -> None:
        paged_attention_transformation(model)
        if facts and facts.attention_softcap:
            cap_attention(model, facts)
        elif facts:
            set_windows(model, facts.windows)
        self._take(ov.Core().compile_model(model, "CPU", F32), num_blocks)

    @classmethod
    def over(cls, compiled: Any) -> "Paged":
        """Over a graph that is compiled already."""
        paged = cls.__new__(cls)
        paged._take(compiled, 16)
        return paged

    def _take(self, compiled: Any, num_blocks: int) -> None:
        self.request = compiled.create_infer_request()
        for port in compiled.inputs:
            if "cache" in port.any_name:
                shape = [num_blocks, *(size.get_length() for size in list(port.partial_shape)[1:])]
                cache = ov.Tensor(port.element_type, ov.Shape(shape))
                cache.data[...] = 7.0  # what is in unused slots must not matter
                self.request.set_tensor(port.any_name, cache)

    def step(self, work: Sequence[tuple[NDArray[np.int64], int, Sequence[int]]]) -> NDArray[np.float32]:
        """(tokens, how many are cached, block table) of each sequence -> logits of all tokens."""
        counts = np.array([len(ids) for ids, _, _ in work])
        past = np.array([cached for _, cached, _ in work])
        tables = [table[: -(-(cached + len(ids)) // BLOCK)] for ids, cached, table in work]
        feed: dict[str, Any] = {
            "input_ids": np.concatenate([ids for ids, _, _ in work]),
            "position_ids": np.concatenate([np.arange(p, p + n) for p, n in zip(past, counts, strict=True)]),
            "past_lens": past.astype(np.int32),
            "subsequence_begins": np.concatenate([[0], counts.cumsum()]).astype(np.int32),
            "block_indices": np.concatenate(tables).astype(np.int32),
            "block_indices_begins": np.cumsum([0, *map(len, tables)]).astype(np.int32),
            "max_context_len": np.array((past + counts).max(), np.int32),
        }
        self.request.infer(feed)
        logits: NDArray[np.float32] = self.request.get_output_tensor(0).data.copy()
        return logits.reshape(-1, logits.shape[-1])

    def read(self, ids: NDArray[np.int64], chunks: Sequence[int], table: Sequence[int]) -> NDArray[np.float32]:
        """Logits of all tokens of one sequence, computed in steps of these sizes."""
        ends = np.cumsum(chunks)
        return np.concatenate([self.step([(ids[b - n : b], b - n, table)]) for n, b in zip(chunks, ends, strict=True)])
