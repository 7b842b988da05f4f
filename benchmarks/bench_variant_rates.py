"""The highest Poisson rate that MiniLM holds within 100 ms, by file, variants and policy: each found by bisection.

    python -m benchmarks.bench_variant_rates [--duration 2.5] [--rounds 1] [--cases NAME/NAME] [--precision 0.15]

One server has all of them, and they take turns try by try, for the machine's speed drifts within a minute. A rate is
held where 99 of 100 requests that were sent are answered in time: refusals count. `fixed` joins only texts of equal
length, with whichever of its delays answers most in time at one rate. What the files could do at best, without a
server, is benchmarks/bench_variants.py, and what joining texts can bring is benchmarks/bench_joining.py.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench_deadlines import loaded
from benchmarks.results import keep, spread
from benchmarks.server import Address, children, headrace, wait_joined
from headrace.bench.search import Search

TEXTS = "lognormal:24:0.8:5:256"
OBJECTIVE_MS = 100
DELAYS_MS = (0, 2, 5)
TRIED_S = 3.0  # of the last worker's model, which runs are tried of at first
ASKED = ["--slo-ms", str(OBJECTIVE_MS), "--lengths", TEXTS]
FIRST = 200.0  # requests a second, to begin with
EACH = 100  # tries at most of a case in a round: each has arrivals of its own
FIXED = "int8, fixed"
OURS = f"objective = {{ p99_ms = {OBJECTIVE_MS} }}\n"
VARIANT = 'variant = {{ name = "fp32" }}\n[[variants]]\nname = "other"\nfile = "{0}"\naccuracy = 0.99\n'
CASES: dict[str, tuple[tuple[str, ...], str]] = {
    "fp32": (("model.onnx",), OURS),
    "fp32, int8 allowed": (("model.onnx", "int8.onnx"), OURS + VARIANT.format("int8.onnx")),
    "fp32, nncf allowed": (("model.onnx", "nncf_int8.xml", "nncf_int8.bin"), OURS + VARIANT.format("nncf_int8.xml")),
    "int8": (("int8.onnx",), OURS),
    FIXED: (("int8.onnx",), ""),
}
"""The model's files, its own first, and what its model.toml says."""

RATIOS = {
    "int8 over fixed": ("int8", FIXED, 1.4),
    "with int8 over fp32": ("fp32, int8 allowed", "fp32", 1.5),
    "with nncf over fp32": ("fp32, nncf allowed", "fp32", 2.3),
}
"""One case over another, and what it is to be."""


def places(case: str) -> dict[str, str]:
    """Name of a served model -> what its model.toml says."""
    name, (_, says) = case.replace(", ", "-").replace(" ", "-"), CASES[case]
    if case != FIXED:
        return {name: says}
    fixed = 'batching = {{ policy = "fixed", pad = false, max_delay_ms = {0} }}\n'
    return {f"{name}-{delay}": OURS + fixed.format(delay) for delay in DELAYS_MS}


@contextmanager
def serving(cases: list[str]) -> Iterator[Address]:
    """All of them on one server, on lanes of their own: no two compute at once."""
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            (own, *others), _ = CASES[case]
            for name, says in places(case).items():
                version = Path(folder) / name / "1"
                version.mkdir(parents=True)
                for file in (own, *others):
                    as_named = "model.onnx" if file == own else file
                    placed((Path("models/minilm/1") / file).resolve(), version / as_named)
                (version.parent / "model.toml").write_text(says)
        with headrace(Path(folder), "models.load_parallel=1", "batching.lane=own", "log.level=error") as address:
            settle(address.pid, sum(len(places(case)) + (len(CASES[case][0]) > 1) for case in cases))
            for name in (name for case in cases if len(CASES[case][0]) > 1 for name in places(case)):
                wait_joined(address.http, name)
            yield address


def settle(server: int, workers: int) -> None:
    """Until every file has its worker, variants join a model that answers already, and has been tried."""
    until = time.monotonic() + 60.0
    while len(children(server)) < workers:
        if time.monotonic() > until:
            raise TimeoutError(f"{len(children(server))} of {workers} files have a worker after a minute")
        time.sleep(0.1)
    time.sleep(TRIED_S)


def placed(file: Path, there: Path) -> None:
    """The file itself, and no link that leads out of the model's folder: a variant may not be one."""
    try:
        os.link(file, there)
    except OSError:  # on another disk
        shutil.copyfile(file, there)


def highest(
    address: Address, models: Mapping[str, str], seconds: float, precision: float, seed: int
) -> dict[str, float]:
    """For each case the rate that its model holds, on the same arrivals; 0 where it holds none."""
    searches = {case: Search(FIRST, precision=precision) for case in models}
    tries = 0
    while any(search.next_rate() for search in searches.values()):
        tries += 1
        for case, search in searches.items():
            if rate := search.next_rate():
                said = ["--rate", f"{rate:.1f}", "--seed", str(seed + tries), "--duration", str(seconds)]
                outcomes = loaded(address, models[case], *ASKED, *said)[0]["outcomes"]
                search.observe(sum(outcomes.values()), outcomes["in_time"])
    return {case: search.best or 0.0 for case, search in searches.items()}


def best_delay(address: Address, seconds: float) -> str:
    """The model of the fixed policy that answers most in time."""
    said = [*ASKED, "--rate", str(FIRST), "--duration", str(seconds)]
    return max(places(FIXED), key=lambda model: loaded(address, model, *said)[0]["goodput"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=2.5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--precision", type=float, default=0.15)
    parser.add_argument("--cases", type=lambda text: text.split("/"), default=list(CASES), help="with / between")
    args = parser.parse_args()
    found: dict[str, list[float]] = {case: [] for case in args.cases}
    with serving(args.cases) as address:
        models = {case: next(iter(places(case))) for case in args.cases}
        if FIXED in models:
            models[FIXED] = best_delay(address, args.duration)
        for turn in range(args.rounds):
            for case, rate in highest(address, models, args.duration, args.precision, turn * EACH).items():
                found[case].append(rate)
            print({case: round(rates[-1], 1) for case, rates in found.items()}, file=sys.stderr)
            told(found, models.get(FIXED, ""))


def told(found: Mapping[str, Sequence[float]], fixed: str) -> None:
    """Keep what there is: a measurement that is broken off has its first rounds."""
    figures: dict[str, Any] = {case: spread(rates) for case, rates in found.items()}
    for name, (over, under, goal) in RATIOS.items():
        if over in found and under in found:
            pairs = zip(found[over], found[under], strict=False)
            figures[name] = {"goal": goal, "of each round": [round(a / b, 2) if b else None for a, b in pairs]}
    keep("variant_rates", {"objective ms": OBJECTIVE_MS, "fixed": fixed, "held, requests/s": figures})


if __name__ == "__main__":
    main()
