"""What structured output costs: decoding under a grammar against free decoding, masks alone, and compiling.

    python -m benchmarks.bench_grammar MODEL [--rounds 5]

Free decoding and each kind of grammar take turns at 8 sequences, without speculation; the ratio is of tokens a second
in the same round. Masks and compiling are timed alone on the schemas of the tests, and on the largest that are taken.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import keep, spread
from headrace.devices.inventory import cores
from headrace.engine_load import load
from headrace.errors import HeadraceError
from headrace.generation import Generate, Generated, Grammar, Prompt, Sampling
from headrace.llm.engine_protocol import Engine, EngineLoading
from headrace.llm.grammar import Grammars
from headrace.llm.tokenizer import Tokenizer
from headrace.llm.tokenizer import load as load_tokenizer
from headrace.settings import Llm
from headrace.types import Manifest
from headrace.weights.open import open_checkpoint

SEQUENCES, TOKENS = 8, 128
PEOPLE = {
    "type": "array",
    "minItems": 200,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 24},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "email": {"type": "string", "format": "email"},
            "tags": {"type": "array", "items": {"enum": ["new", "regular", "blocked"]}, "minItems": 1, "maxItems": 3},
        },
        "required": ["name", "age", "tags"],
        "additionalProperties": False,
    },
}
LISTS = {"type": "array", "minItems": 100, "items": {"type": "object", "minProperties": 1}}
KINDS = {
    "json_schema": Grammar("json_schema", json.dumps(PEOPLE)),
    "lists of objects": Grammar("json_schema", json.dumps(LISTS)),
    "regex": Grammar("regex", "([A-Z][a-z]+ ([a-z]+ ){3,12}[a-z]+[.!?] ?){100,}"),
}
SUITE = Path(__file__).parent.parent / "tests/llm/schemas/suite.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    manifest = Manifest(asked.model.stem, 1, asked.model, "llm")
    engine = load(EngineLoading(manifest, int(cores()), Llm(speculation="off", prefix_cache=False)))
    run = Runs(engine)
    run.tokens_per_second(None)
    ratios: dict[str, list[float]] = {kind: [] for kind in KINDS}
    free: list[float] = []
    for _ in range(asked.rounds):
        for kind, grammar in KINDS.items():
            before = run.tokens_per_second(None)
            held = run.tokens_per_second(grammar)
            after = run.tokens_per_second(None)
            ratios[kind].append(held / ((before + after) / 2))
            free.append(before)
    engine.close()
    keep(
        "grammar",
        {
            "model": asked.model.name,
            "sequences": SEQUENCES,
            "free tokens/s": spread(free),
            "share of free decoding": {kind: spread(values) for kind, values in ratios.items()},
            **alone(asked.model),
        },
    )


class Runs:
    """Generations of one engine, a set at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._number = 0

    def tokens_per_second(self, grammar: Grammar | None) -> float:
        """While all sequences decode: until the first of them ends."""
        for seed in range(SEQUENCES):
            self._number += 1
            prompt = Prompt(text=f"List {seed + 3} people who work at a small company, with their details:\n")
            sampling = Sampling(temperature=1.0, seed=seed, max_tokens=TOKENS, ignore_eos=grammar is None)
            self._engine.add(self._number, Generate(prompt, sampling, grammar=grammar, stream=True))
        told: dict[int, int] = {}
        begun, at_begin, rate, waiting = 0.0, 0, 0.0, SEQUENCES
        while waiting:
            for answer in self._engine.step():
                assert answer.fault is None, answer.fault
                if isinstance(answer.result, Generated):
                    told[answer.number] = answer.result.usage.completion_tokens
                waiting -= answer.final
            if not rate and waiting < SEQUENCES:
                rate = (sum(told.values()) - at_begin) / (time.perf_counter() - begun)
            if not begun and len(told) == SEQUENCES:
                begun, at_begin = time.perf_counter(), sum(told.values())
        return rate


def alone(model: Path) -> dict[str, Any]:
    """Milliseconds of compiling and microseconds of a mask, without a model."""
    checkpoint = open_checkpoint(model)
    tokenizer = load_tokenizer(checkpoint.tokenizer)
    tokens = [tokenizer.token_bytes(index) for index in range(tokenizer.vocabulary)]
    begun = time.perf_counter()
    rules = Grammars(tokens, tokenizer.special_ids, checkpoint.eos_ids)
    built = time.perf_counter() - begun
    cases = [json.loads(line)["schema"] for line in SUITE.read_text().splitlines()]
    small = [seconds for case in cases if (seconds := compiling(rules, case)) is not None]
    wide = {"type": "object", "properties": {f"property_{n}": {"type": "string"} for n in range(2_000)}}
    options = {"enum": [f"option {n}" for n in range(10_000)]}
    return {
        "vocabulary built, ms": round(built * 1e3, 1),
        "compiling, ms": {
            "schemas of the suite": spread([seconds * 1e3 for seconds in small]),
            "2,000 properties": spread([1e3 * (compiling(rules, {**wide, "title": str(n)}) or 0) for n in range(3)]),
            "10,000 values": spread([1e3 * (compiling(rules, {**options, "title": str(n)}) or 0) for n in range(3)]),
        },
        "a mask and its token, us": masks(rules, tokenizer),
    }


def compiling(rules: Grammars, schema: Any) -> float | None:
    """Seconds; None where it is refused."""
    begun = time.perf_counter()
    try:
        rules.compile(Grammar("json_schema", json.dumps(schema)))
    except HeadraceError:
        return None
    return time.perf_counter() - begun


def masks(rules: Grammars, tokenizer: Tokenizer) -> dict[str, float]:
    """Of a text as a model would write it, the second time that its grammar is followed."""
    person = {"name": "Ada Lovelace", "age": 36, "email": "ada@example.org", "tags": ["regular", "new"]}
    token_ids = tokenizer.encode(json.dumps([person] * 200), add_special=False)
    row = np.zeros(rules.words, np.int32)
    times: Sequence[float] = ()
    for _ in range(2):
        matcher, times = rules.compile(KINDS["json_schema"]), []
        for token_id in token_ids:
            begun = time.perf_counter()
            matcher.fill(row)
            assert matcher.accept((token_id,)) == 1
            times.append((time.perf_counter() - begun) * 1e6)
    ordered = sorted(times)
    return {"median": round(statistics.median(ordered), 1), "99 %": round(ordered[int(0.99 * len(ordered))], 1)}


if __name__ == "__main__":
    main()
