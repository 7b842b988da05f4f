"""SmolLM2 at twice what it can do: streams a second that have their first token, and then each next one, in time.

    python -m benchmarks.bench_llm_overload [--seconds 60] [--rates 6,8,10,12] [--url URL] [--saturation STREAMS]

Saturation is the most streams a second that meet both objectives over a sweep of rates, by the same server, which is
told the objectives with each request. Then twice that rate is sent. `--url` measures a server that runs already, and
`--saturation` spares the sweep. The load is `headrace bench`, in a process of its own on the same cores.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

from benchmarks.results import keep
from benchmarks.server import headrace, only

MODEL = "smollm2"
TTFT_MS, TPOT_MS, TOKENS = 1000, 60, 64
WORDS = "lognormal:78:0.8:2:500"  # a chat of so many of these words has about 100 tokens, at the median
Step = dict[str, Any]


def loaded(url: str, rate: float, seconds: float, seed: int) -> Step:
    """One rate, for so long."""
    command = [sys.executable, "-m", "headrace", "bench", url, MODEL, "--protocol", "chat", "--json", "-"]
    command += ["--rate", f"{rate:.2f}", "--duration", str(seconds), "--warmup", "0", "--seed", str(seed)]
    command += ["--slo-ttft-ms", str(TTFT_MS), "--slo-tpot-ms", str(TPOT_MS), "--send-slo"]
    command += ["--lengths", WORDS, "--output-tokens", str(TOKENS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        (step,) = json.loads(done.stdout)["steps"]
    except (ValueError, KeyError):
        raise RuntimeError(done.stderr) from None
    found: Step = step
    return found


def told(step: Step) -> Step:
    """What is kept of a step."""
    streams = step["streams"] or {}
    outcomes = step["outcomes"]
    answered = outcomes["in_time"] + outcomes["late"]
    return {
        "offered a second": step["offered"],
        "goodput, streams/s": step["goodput"],
        "in time, of those answered": round(outcomes["in_time"] / answered, 4) if answered else None,
        "outcomes": outcomes,
        "ttft ms": streams.get("ttft_ms"),
        "tpot ms": streams.get("tpot_ms"),
        "gaps ms": streams.get("itl_ms"),
        "tokens/s": streams.get("tokens_per_s"),
        "mean prompt tokens": streams.get("mean_prompt_tokens"),
        "refusals p99 ms": step["refusal_ms"]["p99"],
        "client cpu": step["client_cpu"],
    }


def sweep(url: str, rates: list[float], seconds: float) -> tuple[float, dict[str, Step]]:
    """The best goodput, and every step."""
    steps = {f"{rate:g}/s": told(loaded(url, rate, seconds, 1)) for rate in rates}
    return max(step["goodput, streams/s"] for step in steps.values()), steps


def measure(url: str, args: argparse.Namespace) -> dict[str, Any]:
    loaded(url, 2.0, 5.0, 0)  # what steps take is learned
    saturation: float = args.saturation
    steps: dict[str, Step] = {}
    if not saturation:
        saturation, steps = sweep(url, args.rates, args.seconds / 4)
    figures: dict[str, Any] = {"saturation, streams/s": saturation, "sweep": steps}
    if args.seconds:
        figures["2x"] = at_twice = told(loaded(url, 2 * saturation, args.seconds, 2))
        figures["goodput at 2x, of saturation"] = round(at_twice["goodput, streams/s"] / saturation, 3)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rates", type=lambda text: [float(rate) for rate in text.split(",")], default=[6, 8, 10, 12])
    parser.add_argument("--url", default="")
    parser.add_argument("--saturation", type=float, default=0.0)
    args = parser.parse_args()
    if args.url:
        keep("llm_overload", measure(args.url, args))
        return
    with only(MODEL) as folder, headrace(folder) as address:
        keep("llm_overload", measure(f"http://{address.http}", args))


if __name__ == "__main__":
    main()
