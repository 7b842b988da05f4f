"""Steps of a paged decoder for tests: tiny models compiled, and batches made of (tokens, cached, block table)."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from headrace.graphs.decoder import build_decoder
from headrace.graphs.linear import Precision
from headrace.runtimes.language import TokenBatch
from headrace.runtimes.openvino_language import BLOCK_SIZE, OpenVinoLanguage
from headrace.runtimes.openvino_lone import for_one_token
from headrace.runtimes.openvino_paged import paged
from headrace.runtimes.openvino_second import SecondGraph
from tests.graphs.tiny import CONTEXT, golden_checkpoint

THREADS = 2
Part = tuple[Sequence[int], int, Sequence[int]]


def options(kv_precision: str, compute: str = "f32") -> dict[str, object]:
    return {
        "INFERENCE_PRECISION_HINT": compute,
        "KV_CACHE_PRECISION": kv_precision,
        "KEY_CACHE_QUANT_MODE": "BY_TOKEN",
        "INFERENCE_NUM_THREADS": THREADS,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }


def graph(name: str = "llama", precision: Precision | None = None) -> ov.Model:
    """A tiny paged decoder of seeds."""
    given = golden_checkpoint(name)
    return paged(build_decoder(given, precision or Precision(), CONTEXT), given.architecture)


def language(
    name: str = "llama",
    precision: Precision | None = None,
    kv_precision: str = "f32",
    num_blocks: int = 16,
    exact: bool = True,
    alone: bool = False,
    many_from: int = 0,
    compute: str = "f32",
) -> OpenVinoLanguage:
    """A tiny model of seeds, its cache allocated; `alone`: one token has a graph of its own, as have so many tokens."""
    model = graph(name, precision)
    core, asked = ov.Core(), options(kv_precision, compute)
    compiled = core.compile_model(model, "CPU", asked)

    def second(graph: ov.Model) -> SecondGraph:
        return SecondGraph(partial(core.compile_model, graph, "CPU", asked), beside=lambda make: make(), enough=0)

    lone = second(for_one_token(model.clone())) if alone else None
    many = second(model.clone()) if many_from else None
    found = OpenVinoLanguage(compiled, CONTEXT, THREADS, exact, lone, many, many_from)
    found.allocate(num_blocks)
    found.rest()
    return found


def batch(*parts: Part, rows: Sequence[int] | None = None) -> TokenBatch:
    """A step; the rows wanted are each sequence's last unless said otherwise."""
    counts = [len(ids) for ids, _, _ in parts]
    tables = [table[: -(-(cached + len(ids)) // BLOCK_SIZE)] for ids, cached, table in parts]
    begins = np.cumsum([0, *counts])
    return TokenBatch(
        np.concatenate([ids for ids, _, _ in parts]).astype(np.int64),
        np.concatenate([np.arange(cached, cached + len(ids)) for ids, cached, _ in parts]),
        np.array([cached for _, cached, _ in parts], np.int32),
        begins.astype(np.int32),
        np.concatenate(tables).astype(np.int32),
        np.cumsum([0, *map(len, tables)]).astype(np.int32),
        np.asarray(begins[1:] - 1 if rows is None else rows, np.int64),
    )


def step(model: OpenVinoLanguage, *parts: Part, rows: Sequence[int] | None = None) -> NDArray[np.float32]:
    """The logits of one step, the caller's to keep."""
    model.start(batch(*parts, rows=rows))
    return model.wait().copy()
