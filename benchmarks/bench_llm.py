"""A language model served over HTTP, streaming, against the bare paged loop of the same graph, turn by turn.

    python -m benchmarks.bench_llm [models/smollm2/1/model.gguf] [--rounds 5]

Decoding: n streams of 100-token prompts, tokens a second while all of them run; the bare loop lays its batches, takes
each row's maximum, and does nothing else; it begins once what the server does at rest is over. Prompts: eight of 512
tokens at once, and the time to the first token of one.
Start: from the process's start to the first token, with nothing kept and with the graph kept.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_step import batch
from benchmarks.results import keep, spread
from benchmarks.server import headrace
from benchmarks.streaming_client import complete
from headrace.devices.huge_pages import move_own_memory
from headrace.devices.inventory import cores
from headrace.runtimes.openvino_language import BLOCK_SIZE, OpenVinoLanguage
from headrace.runtimes.openvino_open import Choices, load_language

SEQUENCES = (1, 8, 32)
PROMPT, LONG, CROWD = 100, 512, 8
TOKENS = {1: 64, 8: 96, 32: 192}  # enough for all to decode at once after their prompts
WIDTH = LONG // BLOCK_SIZE + 1  # blocks of a sequence
REST_S = 2.0  # that the server has before the bare loop has the machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=Path("models/smollm2/1/model.gguf"))
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        starts = [first_token_s(asked.model, kept) for _ in range(2)]
    bare = load_language(asked.model, Choices(int(cores()))).model
    bare.allocate(1 + max(SEQUENCES) * WIDTH)
    move_own_memory()  # as the server does
    series: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as home, cache(home), headrace(asked.model, "llm.speculation=off") as address:
        served = Served(address.http, bare.vocabulary)
        for turn in range(asked.rounds + 1):
            for what, pair in measured(bare, served).items():
                if turn:  # the first warms up
                    series.setdefault(what, []).append(pair)
    figures: dict[str, Any] = {"model": asked.model.name, "threads": int(cores())}
    for what, pairs in series.items():
        figures[what] = {
            "bare": spread([each[0] for each in pairs]),
            "served": spread([each[1] for each in pairs]),
            "served to bare": spread([each[1] / each[0] for each in pairs]),
        }
    figures["first token after a start, s"] = {"first": round(starts[0], 2), "next": round(starts[1], 2)}
    keep("llm", figures)


class Served:
    """The server as it is measured. Prompts are random tokens, new ones every time."""

    def __init__(self, address: str, vocabulary: int) -> None:
        self._address = address
        self._random = np.random.default_rng(0)
        self._vocabulary = vocabulary

    def decoding(self, count: int) -> float:
        """Tokens a second, while all of them decode."""
        streams = complete(self._address, [self._body(PROMPT, TOKENS[count]) for _ in range(count)])
        begin = max(stream.pieces_s[0] for stream in streams)
        end = min(stream.pieces_s[-3] for stream in streams)  # the last pieces are the end's
        steps = max(sum(begin < at <= end for at in stream.pieces_s) for stream in streams)
        return count * steps / (end - begin)

    def prompts(self) -> float:
        """Prompts' tokens a second."""
        streams = complete(self._address, [self._body(LONG, 1) for _ in range(CROWD)])
        begin, end = min(stream.asked_s for stream in streams), max(stream.pieces_s[0] for stream in streams)
        return CROWD * LONG / (end - begin)

    def first_token_ms(self) -> float:
        (stream,) = complete(self._address, [self._body(LONG, 2)])
        return stream.first_s * 1e3

    def _body(self, length: int, max_tokens: int) -> dict[str, Any]:
        ids = self._random.integers(100, self._vocabulary, length).tolist()
        return {"prompt": ids, "max_tokens": max_tokens}


def measured(bare: OpenVinoLanguage, served: Served) -> dict[str, tuple[float, float]]:
    """Of everything: bare, served."""
    found = {}
    for count in SEQUENCES:
        time.sleep(REST_S)
        found[f"tokens/s at {count}"] = decoding(bare, count), served.decoding(count)
    time.sleep(REST_S)
    found["prompt tokens/s"] = CROWD * LONG / (CROWD * prompt_s(bare)), served.prompts()
    time.sleep(REST_S)
    alone_ms = statistics.median(prompt_s(bare) for _ in range(3)) * 1e3
    found[f"first token of {LONG}, ms"] = alone_ms, statistics.median(served.first_token_ms() for _ in range(3))
    return found


def decoding(model: OpenVinoLanguage, count: int) -> float:
    """Tokens a second of the bare loop."""
    tables = [range(1 + WIDTH * index, 1 + WIDTH * (index + 1)) for index in range(count)]
    model.start(batch([([500 + index] * PROMPT, 0, table) for index, table in enumerate(tables)]))
    ids = model.wait().argmax(axis=1).tolist()
    begun_s = time.perf_counter()
    for past in range(PROMPT, PROMPT + TOKENS[count]):
        model.start(batch([([token_id], past, table) for token_id, table in zip(ids, tables, strict=True)]))
        ids = model.wait().argmax(axis=1).tolist()
    return count * TOKENS[count] / (time.perf_counter() - begun_s)


def prompt_s(model: OpenVinoLanguage) -> float:
    begun_s = time.perf_counter()
    model.start(batch([(list(range(500, 500 + LONG)), 0, range(1, 1 + LONG // BLOCK_SIZE))]))
    model.wait().argmax(axis=1)
    return time.perf_counter() - begun_s


def first_token_s(model: Path, kept: str) -> float:
    """From the process's start to its first token; graphs are kept in the folder `kept`."""
    begun_s = time.perf_counter()
    with cache(kept), headrace(model) as address:
        complete(address.http, [{"prompt": "Once upon a time", "max_tokens": 1}])
        return time.perf_counter() - begun_s


@contextmanager
def cache(folder: str) -> Iterator[None]:
    """What is kept between starts is kept here."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = folder
    try:
        yield
    finally:
        del os.environ["XDG_CACHE_HOME"]
        if before is not None:
            os.environ["XDG_CACHE_HOME"] = before


if __name__ == "__main__":
    main()
