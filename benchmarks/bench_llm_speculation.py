"""Speculation against turns without it before and after, over HTTP: on texts that copy their prompt and on others.

    python -m benchmarks.bench_llm_speculation [models/smollm2/1/model.gguf] [--rounds 5]
    python -m benchmarks.bench_llm_speculation --draft model.gguf --draft-precision int4

Two servers, one with `llm.speculation` "auto" (n-grams; "draft" where `--draft` names a model beside the file) and one
with "off", answer the same prompts. A text that copies: the
prompt holds a paragraph twice and begins it a third time. One that does not: a tale, told at a temperature with a seed,
so that it does not come to repeat itself. Tokens a second are those of all streams, from asking to the last token; the
prompts were seen in a round before that is not counted, so they cost both servers next to nothing.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import keep, spread
from benchmarks.server import headrace, metrics
from benchmarks.streaming_client import complete

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
    parser.add_argument("--texts", nargs="+", default=(), help="copied, told, or told greedily (draft); else all")
    parser.add_argument("--sequences", type=int, nargs="+", default=SEQUENCES)
    asked = parser.parse_args()
    way, settings = "auto", [f"llm.precision={asked.precision}"]
    drafting: list[str] = []
    if asked.draft:
        way, drafting = "draft", [f"llm.draft={asked.draft}", f"llm.draft_precision={asked.draft_precision}"]
    with (
        headrace(asked.model, *settings, f"llm.speculation={way}", *drafting) as on,
        headrace(asked.model, *settings, "llm.speculation=off") as off,
    ):
        addresses = {way: on.http, "off": off.http}
        rounds = [measured(addresses, asked.sequences, asked.texts) for _ in range(asked.rounds + 1)][1:]
        drafted, accepted = (
            metrics(on.http)[f"vllm:spec_decode_num_{what}_tokens_total"] for what in ("draft", "accepted")
        )
    figures: dict[str, Any] = {"model": asked.model.name, "precision": asked.precision}
    if asked.draft:
        figures |= {"draft": asked.draft, "draft precision": asked.draft_precision}
    for what in rounds[0]:
        pairs = [each[what] for each in rounds]
        figures[what] = {
            **{f"{each}, tokens/s": spread([pair[each] for pair in pairs]) for each in addresses},
            f"{way} to off": spread([pair[way] / pair["off"] for pair in pairs]),
        }
    figures["drafts accepted"] = round(accepted / max(1.0, drafted), 3)
    keep(f"llm_speculation{'_draft' if asked.draft else ''}", figures)


def measured(addresses: dict[str, str], loads: Sequence[int], wanted: Sequence[str]) -> dict[str, dict[str, float]]:
    """Of every text and load: tokens a second of each way; without speculation those before and after it."""
    found = {}
    (way, on), (_, off) = addresses.items()
    texts = {"copied": copying, "told": telling} | ({} if "auto" in addresses else {"told greedily": repeating})
    for what in wanted or texts:
        for count in loads:
            bodies = [texts[what](index) for index in range(count)]
            before, speculating, after = [tokens_per_second(address, bodies) for address in (off, on, off)]
            found[f"{what}, {count}"] = {way: speculating, "off": (before + after) / 2}
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


def _ordinal(index: int) -> str:
    """Another word or two for each stream, so that no two prompts are the same."""
    return NUMBERS[index % 12] if index < 12 else f"{NUMBERS[index // 12]} and {NUMBERS[index % 12]}"


if __name__ == "__main__":
    main()
