"""n-gram speculation against none, over HTTP, turn by turn: on texts that copy their prompt and on texts that do not.

    python -m benchmarks.bench_llm_speculation [models/smollm2/1/model.gguf] [--rounds 5]

Two servers, one with `llm.speculation` "auto" and one with "off", answer the same prompts. A text that copies: the
prompt holds a paragraph twice and begins it a third time. One that does not: a tale, told at a temperature with a seed,
so that it does not come to repeat itself. Tokens a second are those of all streams, from asking to the last token; the
prompts were seen in a round before that is not counted, so they cost both servers next to nothing.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.results import keep, spread
from benchmarks.server import headrace, metrics
from benchmarks.streaming_client import complete

SEQUENCES = (1, 2, 4, 8, 16, 32)
TOKENS = 96
WAYS = ("auto", "off")
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
    asked = parser.parse_args()
    with headrace(asked.model, "llm.speculation=auto") as auto, headrace(asked.model, "llm.speculation=off") as off:
        addresses = {"auto": auto.http, "off": off.http}
        rounds = [measured(addresses, turn) for turn in range(asked.rounds + 1)][1:]
        drafted, accepted = (
            metrics(auto.http)[f"vllm:spec_decode_num_{what}_tokens_total"] for what in ("draft", "accepted")
        )
    figures: dict[str, Any] = {"model": asked.model.name}
    for what in rounds[0]:
        pairs = [each[what] for each in rounds]
        figures[what] = {
            **{f"{way}, tokens/s": spread([pair[way] for pair in pairs]) for way in WAYS},
            "auto to off": spread([pair["auto"] / pair["off"] for pair in pairs]),
        }
    figures["drafts accepted"] = round(accepted / max(1.0, drafted), 3)
    keep("llm_speculation", figures)


def measured(addresses: dict[str, str], turn: int) -> dict[str, dict[str, float]]:
    """Of every text and load: tokens a second of each way. Who comes first changes from turn to turn."""
    found = {}
    ways = WAYS if turn % 2 else WAYS[::-1]
    for what, body in (("copied", copying), ("told", telling)):
        for count in SEQUENCES:
            bodies = [body(index) for index in range(count)]
            found[f"{what}, {count}"] = {way: tokens_per_second(addresses[way], bodies) for way in ways}
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


def _ordinal(index: int) -> str:
    """Another word or two for each stream, so that no two prompts are the same."""
    return NUMBERS[index % 12] if index < 12 else f"{NUMBERS[index // 12]} and {NUMBERS[index % 12]}"


if __name__ == "__main__":
    main()
