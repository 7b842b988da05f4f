"""Two models on two cores, one with short runs and one with long ones: who holds which objective, on which lanes.

    python -m benchmarks.bench_two_models [--duration 15] [--rounds 3] [--layouts "auto,first come"] [--tokens 8,400]

The same file is served twice, MiniLM, with texts as long as take about 2 ms and about 60 ms with two threads: how long
that is is found first, or said with --tokens. Poisson arrivals, the same for every layout, which take turns:

- auto: each model on a lane of its own; the short one with half of the threads, the long one gives way altogether
- own: each model on a lane of its own, both may compute at once
- latest start: one lane for both, the one that can wait least goes first
- first come: one lane for both, in order of arrival
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench_deadlines import Step, command, together
from benchmarks.results import keep, spread
from benchmarks.server import Address, headrace, only

LAYOUTS = {
    "auto": 'lane = "auto"',
    "own": 'lane = "own"',
    "latest start": 'lane = "shared"',
    "first come": 'lane = "shared", policy = "fixed"',
}
MODELS = {"short": (2, 100, 20), "long": (60, 5, 300)}
"""What a row is to take in ms, arrivals a second, and the objective in ms."""

WARM_UP_S = 4.0
"""Of the load itself: models are laid out anew as the second comes, and learn what their runs take side by side."""

LENGTHS = (8, 16, 64, 128, 192, 256, *range(320, 513, 32))


@contextmanager
def serving(layout: str) -> Iterator[Address]:
    with tempfile.TemporaryDirectory() as folder:
        for name, (_, _, objective_ms) in MODELS.items():
            place = Path(folder) / name
            place.mkdir()
            (place / "1").symlink_to(Path("models/minilm/1").resolve())
            (place / "model.toml").write_text(
                f"objective = {{ p99_ms = {objective_ms} }}\nbatching = {{ {LAYOUTS[layout]} }}\n"
            )
        with headrace(Path(folder), "models.load_parallel=1", "log.level=error") as address:
            yield address


def lengths(seconds: float) -> dict[str, tuple[int, float | None]]:
    """For each model the tokens whose row takes nearest to what it is to take, and the ms that it takes over HTTP."""
    took_ms = {}
    with only("minilm") as repository, headrace(repository) as address:
        for tokens in LENGTHS:
            said = ["--lengths", str(tokens), "--concurrency", "1", "--duration", str(seconds), "--warmup", "0.2"]
            (step,) = together(command(address, "minilm", *said))
            took_ms[tokens] = float(step["p50_ms"])
    nearest = {
        name: min(LENGTHS, key=lambda n: abs(math.log(took_ms[n] / wanted))) for name, (wanted, *_) in MODELS.items()
    }
    return {name: (tokens, took_ms[tokens]) for name, tokens in nearest.items()}


def both(address: Address, tokens: Mapping[str, int], seconds: float, seed: int) -> dict[str, Step]:
    """Both at their rates."""
    commands = []
    for name, (_, rate, objective_ms) in MODELS.items():
        said = ["--lengths", str(tokens[name]), "--rate", str(rate), "--slo-ms", str(objective_ms), "--seed", str(seed)]
        commands.append(command(address, name, *said, "--duration", str(seconds), "--warmup", str(WARM_UP_S)))
    return dict(zip(MODELS, together(*commands), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layouts", default=",".join(LAYOUTS))
    parser.add_argument("--tokens", help="of the short model's texts and the long one's, with a comma between")
    args = parser.parse_args()
    said = zip(MODELS, map(int, args.tokens.split(",")), strict=True) if args.tokens else ()
    found: Mapping[str, tuple[int, float | None]] = {name: (tokens, None) for name, tokens in said} or lengths(0.4)
    tokens = {name: length for name, (length, _) in found.items()}
    seen: dict[str, dict[str, list[Step]]] = {
        layout: {name: [] for name in MODELS} for layout in args.layouts.split(",")
    }
    for seed in range(args.rounds):
        for layout, of in seen.items():
            with serving(layout) as address:
                for name, step in both(address, tokens, args.duration, seed).items():
                    of[name].append(step)
                    print(layout, name, step["attainment"], step["p99_ms"], file=sys.stderr)
    rows = {name: {"tokens": length, "one row, p50 ms": took_ms} for name, (length, took_ms) in found.items()}
    figures: dict[str, Any] = {"models": rows}
    for layout, of in seen.items():
        for name, steps in of.items():
            figures[f"{layout}, {name}"] = {
                "objective ms": MODELS[name][2],
                "in time, of those sent": spread([step["attainment"] for step in steps]),
                "p99 of the answered, ms": [step["p99_ms"] for step in steps],
                "refused or dropped": [step["outcomes"]["shed"] for step in steps],
            }
    keep("two_models", figures)


if __name__ == "__main__":
    main()
