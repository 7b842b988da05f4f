"""MiniLM, 64 tokens: the server with 16 closed-loop clients against the bare runtime at its best batch size.

    python -m benchmarks.bench_encoder [--rounds 5]

Bare, HTTP and gRPC take turns on the same two cores, also at 1 client against the bare call.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.perf_analyzer import measure
from benchmarks.results import keep, spread
from benchmarks.server import headrace, only, wait_joined

MODEL = Path("models/minilm")
NAMES = ("input_ids", "attention_mask", "token_type_ids")
BATCHES = (1, 4, 8, 16, 32)


def bare(batch: int, seconds: float = 3.0) -> dict[str, float]:
    """The plain loop's rows per second and milliseconds a call."""
    (file,) = MODEL.rglob("model.onnx")
    command = [sys.executable, "-m", "benchmarks.bare_onnx", str(file), str(batch), str(seconds)]
    figures: dict[str, float] = json.loads(subprocess.check_output(command))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    arguments = [word for name in NAMES for word in ("--shape", f"{name}:64")] + ["--input-data", "zero"]
    best = max(BATCHES, key=lambda batch: bare(batch)["per_second"])
    series: dict[str, list[float]] = {}
    for _ in range(rounds):
        alone = bare(1)
        series.setdefault("bare p50 ms", []).append(alone["p50_ms"])
        series.setdefault("bare per second", []).append(bare(best)["per_second"])
        with only("minilm") as repository, headrace(repository) as address:
            wait_joined(address.http, "minilm")
            for protocol, where in (("http", address.http), ("grpc", address.grpc)):
                load = measure("minilm", protocol, where, 16, arguments, windows=4)
                series.setdefault(f"{protocol} per second", []).append(load.per_second)
                load = measure("minilm", protocol, where, 1, arguments, windows=3)
                series.setdefault(f"{protocol} p50 ms", []).append(load.p50_us / 1e3)
        print({name: round(values[-1], 2) for name, values in series.items()}, file=sys.stderr)
    figures: dict[str, object] = {"best batch of the bare loop": best}
    figures |= {name: spread(values) for name, values in series.items()}
    for protocol in ("http", "grpc"):
        pairs = zip(series[f"{protocol} per second"], series["bare per second"], strict=True)
        figures[f"{protocol} / bare, 16 clients"] = spread([ours / theirs for ours, theirs in pairs])
        pairs = zip(series[f"{protocol} p50 ms"], series["bare p50 ms"], strict=True)
        figures[f"{protocol} - bare, 1 client, p50 ms"] = spread([ours - theirs for ours, theirs in pairs])
    keep("encoder", figures)


if __name__ == "__main__":
    main()
