"""What choosing the tokens of a step costs, by kind of request, for small and large vocabularies.

    python -m benchmarks.bench_sampler [--logits FILE.npy] [--rows 32] [--rounds 21]

`--logits` are rows of a real model's; without, rows are made that are like them: a normal distribution of deviation 3.3
whose largest lie 16 above the mean. Kinds are measured in turn; a figure is the median time of a step, with its ratio
to greedy choice, which is bound by memory.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import keep
from headrace.generation import Sampling
from headrace.llm.choosing import Choosing
from headrace.llm.sampler import RowChoice, Sampler

KINDS = {
    "greedy": Sampling(temperature=0),
    "temperature": Sampling(temperature=0.7),
    "temperature 1": Sampling(),
    "top_p": Sampling(temperature=0.7, top_p=0.9),
    "top_p, temperature 1": Sampling(top_p=0.95),
    "top_p 0.3": Sampling(top_p=0.3),
    "top_k": Sampling(temperature=0.7, top_k=40),
    "top_k and top_p": Sampling(temperature=0.8, top_k=40, top_p=0.9),
    "min_p": Sampling(min_p=0.05),
    "greedy, penalties": Sampling(temperature=0, repetition_penalty=1.1, presence_penalty=0.5),
    "greedy, logprobs 5": Sampling(temperature=0, logprobs=5),
}
STEP_MS = {49_152: 28.0, 262_144: 40.0}  # of the small models with these vocabularies, 32 sequences on two cores


def main() -> None:
    arguments = _arguments()
    given = None if arguments.logits is None else np.load(arguments.logits)
    figures: dict[str, object] = {}
    for vocabulary in STEP_MS if given is None else [given.shape[1]]:
        logits = _like_a_model(arguments.rows, vocabulary) if given is None else given[: arguments.rows]
        for name, times in _measure(logits, arguments.rounds).items():
            figures[f"{name}, {vocabulary}"] = times
    keep("sampler", {"rows": arguments.rows, "ms of a step": figures})


def _measure(logits: NDArray[np.float32], rounds: int) -> dict[str, dict[str, float]]:
    rows, vocabulary = logits.shape
    sampler = Sampler(vocabulary)
    steps = {name: _rows(sampling, rows) for name, sampling in KINDS.items()}
    steps["greedy, masked"] = [row._replace(mask=_mask(vocabulary)) for row in steps["greedy"]]
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            begin = time.perf_counter()
            chosen = sampler.sample(logits, step)
            taken[name].append((time.perf_counter() - begin) * 1e3)
            for row, token_id in zip(step, chosen.token_ids, strict=True):
                row.choosing.push(token_id)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    share = 1 / STEP_MS.get(vocabulary, STEP_MS[49_152])
    return {
        name: {"ms": round(ms, 3), "of greedy": round(ms / medians["greedy"], 1), "of a step": round(ms * share, 3)}
        for name, ms in medians.items()
    }


def _rows(sampling: Sampling, rows: int) -> Sequence[RowChoice]:
    prompt = range(1000, 1400)
    return [RowChoice(at, Choosing(sampling, prompt, fresh_seed=at)) for at in range(rows)]


def _mask(vocabulary: int) -> NDArray[np.int32]:
    """Every second token."""
    return np.full(-(-vocabulary // 32), 0x55555555, np.int32)


def _like_a_model(rows: int, vocabulary: int) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    logits = random.normal(0.0, 3.3, (rows, vocabulary))
    for row in logits:
        row[random.choice(vocabulary, 20, replace=False)] = 16.0 - np.log1p(np.arange(20)) * 1.5
    return logits.astype(np.float32)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logits", type=Path)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=21)
    return parser.parse_args()


if __name__ == "__main__":
    main()
