"""Speculation against turns without it before and after, over HTTP: on texts that copy their prompt and on others.

    python -m benchmarks.bench_llm_speculation [models/smollm2/1/model.gguf] [--rounds 5]
    python -m benchmarks.bench_llm_speculation --draft model.gguf --draft-precision int4

Two servers, one with `llm.speculation` "auto" (n-grams; "draft" where `--draft` names a model beside the file) and one
with "off", answer the same prompts. A text that copies: the prompt holds a paragraph twice and begins it a third time.
One that does not: a tale, told at a temperature with a seed, so that it does not come to repeat itself. Tokens a second
are those of all streams, from asking to the last token; the prompts were seen before, uncounted, so they cost both
servers next to nothing.

Of two servers alike one may be a twentieth quicker for as long as it lives, probably by where its memory comes to lie:
each round starts both anew, now the one first and now the other. `--speculation off` shows what is left of that: both
are without.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.results import keep, spread
from benchmarks.server import headrace, metrics
from benchmarks.streaming_client import complete

OFF = "without"
SEQUENCES = (1, 2, 4, 8, 16, 32)
TOKENS = 96
PARAGRAPH = (
    "The {0} lock keeper opened the upper sluice at seven in the morning, and for a while nothing moved but the reeds. "
    "Then the water in the mill race began to turn, brown at first and carrying straw, and the wheel gave one groan "
    "and started on its day of work. By noon {0} sacks of rye had been ground, weighed and sewn shut, and the "
    "miller's boy had chalked their number on the door.\n\n"
)
TALE = "A tale in plain words of {0} travellers who meet at a ferry, none of whom tells the truth.\n\nIt was"
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=Path("models/smollm2/1/model.gguf"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--draft", default="", metavar="FILE", help="a model beside the file that drafts, alone")
    parser.add_argument("--draft-precision", default="auto", help="how its weights are held")
    parser.add_argument("--precision", default="auto", help="how those of the model are")
    parser.add_argument("--texts", nargs="+", choices=TEXTS, help="else all; told greedily with a model that drafts")
    parser.add_argument("--speculation", default="auto", help="of the server that is held against one without")
    parser.add_argument("--sequences", type=int, nargs="+", default=SEQUENCES)
    asked = parser.parse_args()
    way, settings = asked.speculation, [f"llm.precision={asked.precision}"]
    drafting: list[str] = []
    if asked.draft:
        way, drafting = "draft", [f"llm.draft={asked.draft}", f"llm.draft_precision={asked.draft_precision}"]
    servers = [(way, [*settings, f"llm.speculation={way}", *drafting]), (OFF, [*settings, "llm.speculation=off"])]
    rounds = []
    drafted = accepted = 0.0
    for number in range(asked.rounds):
        addresses = {}
        with ExitStack() as stack:
            for name, said in reversed(servers) if number % 2 else servers:
                addresses[name] = stack.enter_context(headrace(asked.model, *said)).http
            speculating = addresses[way]
            rounds.append(measured(speculating, addresses[OFF], asked.sequences, asked.texts or texts_of(way)))
            counted = metrics(speculating)
            drafted += counted.get("vllm:spec_decode_num_draft_tokens_total", 0.0)
            accepted += counted.get("vllm:spec_decode_num_accepted_tokens_total", 0.0)
    figures: dict[str, Any] = {"model": asked.model.name, "precision": asked.precision}
    if asked.draft:
        figures |= {"draft": asked.draft, "draft precision": asked.draft_precision}
    for what in rounds[0]:
        pairs = [each[what] for each in rounds]
        figures[what] = {
            f"{way}, tokens/s": spread([on for on, _ in pairs]),
            "without, tokens/s": spread([off for _, off in pairs]),
            f"{way} to without": spread([on / off for on, off in pairs]),
        }
    figures["drafts accepted"] = round(accepted / max(1.0, drafted), 3)
    keep(f"llm_speculation{'_draft' if asked.draft else ''}", figures)


def texts_of(way: str) -> list[str]:
    return ["copied", "told", "told greedily"] if way == "draft" else ["copied", "told"]


def measured(on: str, off: str, loads: Sequence[int], texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Of every text and load: tokens a second with speculation, and without it, before and after that."""
    found = {}
    for what in texts:
        for count in loads:
            bodies = [TEXTS[what](index) for index in range(count)]
            for address in (off, on):
                tokens_per_second(address, bodies)
            before, speculating, after = [tokens_per_second(address, bodies) for address in (off, on, off)]
            found[f"{what}, {count}"] = speculating, (before + after) / 2
    return found


def tokens_per_second(address: str, bodies: list[dict[str, Any]]) -> float:
    streams = complete(address, bodies)
    begin, end = min(stream.asked_s for stream in streams), max(stream.pieces_s[-1] for stream in streams)
    return len(bodies) * TOKENS / (end - begin)


def copying(index: int) -> dict[str, Any]:
    """A prompt that holds a paragraph twice and begins it again."""
    paragraph = PARAGRAPH.format(_ordinal(index))
    return {"prompt": paragraph * 2 + paragraph[:40], "max_tokens": TOKENS}


def telling(index: int) -> dict[str, Any]:
    """A prompt whose answer is new text."""
    return {"prompt": TALE.format(_ordinal(index)), "max_tokens": TOKENS, "temperature": 0.9, "seed": index}


def repeating(index: int) -> dict[str, Any]:
    """The same, told greedily: it comes to repeat itself, and a model that drafts is right more often."""
    return {"prompt": TALE.format(_ordinal(index)), "max_tokens": TOKENS, "temperature": 0}


TEXTS: dict[str, Callable[[int], dict[str, Any]]] = {"copied": copying, "told": telling, "told greedily": repeating}


def _ordinal(index: int) -> str:
    """Another word or two for each stream, so that no two prompts are the same."""
    return NUMBERS[index % 12] if index < 12 else f"{NUMBERS[index // 12]} and {NUMBERS[index % 12]}"


if __name__ == "__main__":
    main()
