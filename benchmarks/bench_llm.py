"""A language model served over HTTP, streaming, against the bare paged loop of the same graph, turn by turn.

    python -m benchmarks.bench_llm [models/smollm2/1/model.gguf] [--rounds 5]

Decoding: n streams of 100-token prompts, tokens a second while all of them run; the bare loop lays its batches, takes
each row's maximum, and does nothing else. Prompts: eight of 512 tokens at once, and the time to the first token of one.
Both live the whole time and take turns in blocks of a third of a second; each block of the server's is held against the
bare ones before and after it, so that the machine's slow moments come to both. The streams' prompts were computed in a
round that is not counted, and the bare loop has the machine once the server does nothing any more.
Start: from the process's start to the first token, with nothing kept and with the graph kept.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_step import batch
from benchmarks.results import keep, spread
from benchmarks.server import headrace, quiet
from benchmarks.streaming_client import complete
from headrace.cache_folder import cache_folder
from headrace.devices.huge_pages import move_own_memory
from headrace.devices.inventory import cores
from headrace.runtimes.openvino_language import BLOCK_SIZE, OpenVinoLanguage
from headrace.runtimes.openvino_open import Choices, load_language

SEQUENCES = (1, 8, 32)
PROMPT, LONG, CROWD = 100, 512, 8
STEPS = {1: 20, 8: 16, 32: 10}  # of a block
BESIDE = 8  # steps of a block of the server's in which not all streams decode
BLOCKS = {1: 8, 8: 6, 32: 4}  # of a round
WIDTH = LONG // BLOCK_SIZE + 1  # blocks of a sequence
Figure = Callable[[], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=Path("models/smollm2/1/model.gguf"))
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        starts = [first_token_s(asked.model, kept) for _ in range(2)]
    bare = Bare(load_language(asked.model, Choices(int(cores()), cache=cache_folder(os.environ))).model)
    move_own_memory()  # as the server does
    series: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as home, cache(home), headrace(asked.model, "llm.speculation=off") as address:
        served = Served(address.http, bare.vocabulary)
        for turn in range(asked.rounds + 1):
            for what, (ours, theirs, blocks) in figures_of(bare, served).items():
                pairs = alternated(ours, theirs, lambda: quiet(address.pid), blocks)
                if turn:  # the first warms up
                    series.setdefault(what, []).extend(pairs)
            print({what: round(pairs[-1][1] / pairs[-1][0], 3) for what, pairs in series.items()}, file=sys.stderr)
    figures: dict[str, Any] = {"model": asked.model.name, "threads": int(cores())}
    for what, pairs in series.items():
        figures[what] = {
            "bare": spread([each[0] for each in pairs]),
            "served": spread([each[1] for each in pairs]),
            "served to bare": spread([each[1] / each[0] for each in pairs]),
        }
    figures["first token after a start, s"] = {"first": round(starts[0], 2), "next": round(starts[1], 2)}
    keep("llm", figures)


class Bare:
    """The loop that does nothing but compute. Owns the model."""

    def __init__(self, model: OpenVinoLanguage) -> None:
        self.vocabulary = model.vocabulary
        self._model = model
        self._tables = [range(1 + WIDTH * index, 1 + WIDTH * (index + 1)) for index in range(max(SEQUENCES))]
        self._firsts: list[int] = []  # tokens behind the prompts, whose keys and values stay
        model.allocate(1 + (max(SEQUENCES) + 1) * WIDTH)
        for index, table in enumerate(self._tables):
            model.start(batch([([500 + index] * PROMPT, 0, table)]))
            self._firsts += model.wait().argmax(axis=1).tolist()

    def decoding(self, count: int) -> float:
        """Tokens a second."""
        ids, tables = self._firsts[:count], self._tables[:count]
        begun_s = time.perf_counter()
        for past in range(PROMPT, PROMPT + STEPS[count]):
            self._model.start(batch([([token_id], past, table) for token_id, table in zip(ids, tables, strict=True)]))
            ids = self._model.wait().argmax(axis=1).tolist()
        return count * STEPS[count] / (time.perf_counter() - begun_s)

    def prompt_s(self) -> float:
        """Seconds of a long one."""
        table = range(1 + WIDTH * len(self._tables), 1 + WIDTH * (len(self._tables) + 1))
        begun_s = time.perf_counter()
        self._model.start(batch([(list(range(500, 500 + LONG)), 0, table)]))
        self._model.wait().argmax(axis=1)
        return time.perf_counter() - begun_s


class Served:
    """The server as it is measured. Prompts are random tokens: of streams that decode always the same ones, which a
    server keeps, else new ones every time. The first of these is one whose answer has a piece for each token."""

    def __init__(self, address: str, vocabulary: int) -> None:
        self._address = address
        self._random = np.random.default_rng(0)
        self._vocabulary = vocabulary
        self._prompts = [self._prompt(PROMPT) for _ in range(max(SEQUENCES))]
        self._tells = False

    def decoding(self, count: int) -> float:
        """Tokens a second, while all of them decode."""
        length = STEPS[count] + BESIDE
        while count == 1 and not self._tells:
            (stream,) = complete(self._address, [_body(self._prompts[0], length)])
            self._tells = len(stream.pieces_s) >= length  # else characters of several tokens are in it
            if not self._tells:
                self._prompts[0] = self._prompt(PROMPT)
        streams = complete(self._address, [_body(prompt, length) for prompt in self._prompts[:count]])
        begin = max(stream.pieces_s[2] for stream in streams)  # the first pieces are the beginning's,
        end = min(stream.pieces_s[-3] for stream in streams)  # and the last the end's
        steps = max(sum(begin < at <= end for at in stream.pieces_s) for stream in streams)
        return count * steps / (end - begin)

    def prompts(self) -> float:
        """Prompts' tokens a second."""
        streams = complete(self._address, [_body(self._prompt(LONG), 1) for _ in range(CROWD)])
        begin, end = min(stream.asked_s for stream in streams), max(stream.pieces_s[0] for stream in streams)
        return CROWD * LONG / (end - begin)

    def first_token_ms(self) -> float:
        (stream,) = complete(self._address, [_body(self._prompt(LONG), 2)])
        return stream.first_s * 1e3

    def _prompt(self, length: int) -> list[int]:
        ids: list[int] = self._random.integers(100, self._vocabulary, length).tolist()
        return ids


def _body(prompt: list[int], max_tokens: int) -> dict[str, Any]:
    return {"prompt": prompt, "max_tokens": max_tokens}


def figures_of(bare: Bare, served: Served) -> dict[str, tuple[Figure, Figure, int]]:
    """Of everything: what measures it bare, and served, and how many blocks of it a round has."""

    def decoding(count: int) -> tuple[Figure, Figure, int]:
        return lambda: bare.decoding(count), lambda: served.decoding(count), BLOCKS[count]

    return {
        **{f"tokens/s at {count}": decoding(count) for count in SEQUENCES},
        "prompt tokens/s": (lambda: LONG / bare.prompt_s(), served.prompts, 1),
        f"first token of {LONG}, ms": (lambda: bare.prompt_s() * 1e3, served.first_token_ms, 1),
    }


def alternated(bare: Figure, served: Figure, rest: Callable[[], None], blocks: int) -> list[tuple[float, float]]:
    """Of each block of the server's: the mean of the bare ones before and after it, and its own."""
    rest()
    before, pairs = bare(), []
    for _ in range(blocks):
        middle = served()
        rest()
        after = bare()
        pairs.append(((before + after) / 2, middle))
        before = after
    return pairs


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
