"""What looking for drafts costs where there are none, in one engine: stretches of steps with and without, in turn.

    python -m benchmarks.bench_drafting [models/smollm2/1/model.gguf] [--tokens 700] [--turn 24]

Two servers differ by a twentieth on the same machine, so `bench_llm_speculation` cannot tell three hundredths. Here the
same streams of the same engine go on, told at a temperature so that they do not come to repeat themselves: a stretch
with n-grams, as `llm.speculation` "auto" has it, counts against the mean of those without right before and after it.
The first step of each is not counted: it reads what was told meanwhile, or goes back from drafts.
"""

import argparse
import statistics
import time
from pathlib import Path

from benchmarks.bench_llm_speculation import SEQUENCES, telling
from benchmarks.results import keep, spread
from headrace.devices.huge_pages import move_own_memory
from headrace.devices.inventory import cores
from headrace.engine_load import load
from headrace.generation import Generate, Prompt, Sampling
from headrace.llm.engine import DecoderEngine
from headrace.llm.engine_protocol import EngineLoading
from headrace.types import Manifest

BEGIN = 48  # steps until all read their prompts, and what comes true of drafts is known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=Path("models/smollm2/1/model.gguf"))
    parser.add_argument("--tokens", type=int, default=700, help="of each stream")
    parser.add_argument("--turn", type=int, default=24, help="steps of a stretch")
    parser.add_argument("--sequences", type=int, nargs="+", default=SEQUENCES)
    asked = parser.parse_args()
    engine = load(EngineLoading(Manifest("model", 1, asked.model, "llm"), int(cores())))
    assert isinstance(engine, DecoderEngine)
    move_own_memory()  # as the server does
    figures: dict[str, object] = {"model": asked.model.name}
    for count in asked.sequences:
        rates = stretches(engine, count, asked.tokens, asked.turn)
        ratios = [2 * on / (before + after) for before, on, after in windows(rates)]
        figures[f"told, {count}"] = {
            "tokens/s without": spread(rates[::2]),
            "auto to off": spread(ratios),
            "auto to off, mean": round(statistics.mean(ratios), 4),
        }
    engine.close()
    keep("drafting", figures)


def stretches(engine: DecoderEngine, count: int, tokens: int, turn: int) -> list[float]:
    """Tokens a second of each stretch, the first without drafts, then in turn."""
    for index in range(count):
        body = telling(index)
        sampling = Sampling(
            temperature=body["temperature"], seed=body["seed"], max_tokens=tokens + BEGIN, ignore_eos=True
        )
        engine.add(count * max(SEQUENCES) + index, Generate(Prompt(text=body["prompt"]), sampling, salt=str(count)))
    rates: list[float] = []
    for _ in range(BEGIN):
        engine.step()
    while engine.busy:
        engine.drafting.ngrams = len(rates) % 2 == 1
        engine.step()
        engine.counts()
        begin, given, steps = time.perf_counter(), 0, 0
        while steps < turn and engine.busy:
            engine.step()
            given += engine.counts().generated_tokens
            steps += 1
        if steps == turn:
            rates.append(given / (time.perf_counter() - begin))
    engine.drafting.ngrams = True
    return rates[:-2]  # in the last some streams end


def windows(rates: list[float]) -> list[tuple[float, float, float]]:
    """Each stretch with drafts, between those without."""
    return [(rates[at - 1], rates[at], rates[at + 1]) for at in range(1, len(rates) - 1, 2)]


if __name__ == "__main__":
    main()
