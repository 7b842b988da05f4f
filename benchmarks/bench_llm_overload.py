"""SmolLM2 at twice what it can do: streams a second that have their first token, and then each next one, in time.

    python -m benchmarks.bench_llm_overload [--seconds 60] [--clients 16] [--rates 4,6,8] [--saturation N] [--url URL]

Saturation is the streams a second that the same server writes, of the same texts, for clients that each wait for their
answer and ask again, with no objective told; or more, where a rate of the sweep has more that meet both objectives.
Then twice that rate is sent, with the objectives told by each request, and the clients come once more: machines drift,
and goodput is told as a share of the mean of what was before and after. A load begins and ends with nothing under way:
of the streams that its end cuts off each counts half, in all figures alike. `--url` measures a server that runs
already, `--saturation` spares the clients that wait. The load is `headrace bench`, in a process of its own on the same
cores.
"""

import argparse
import json
import statistics
import subprocess
import sys
from typing import Any

from benchmarks.results import keep
from benchmarks.server import headrace, only

MODEL = "smollm2"
TTFT_MS, TPOT_MS, TOKENS = 1000, 60, 64
WORDS = "lognormal:78:0.8:2:500"  # a chat of so many of these words has about 100 tokens, at the median
Step = dict[str, Any]


def loaded(url: str, load: list[str], seconds: float, seed: int) -> Step:
    """One load, for so long."""
    command = [sys.executable, "-m", "headrace", "bench", url, MODEL, "--protocol", "chat", "--json", "-", *load]
    command += ["--duration", str(seconds), "--warmup", "0", "--seed", str(seed)]
    command += ["--slo-ttft-ms", str(TTFT_MS), "--slo-tpot-ms", str(TPOT_MS)]
    command += ["--lengths", WORDS, "--output-tokens", str(TOKENS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        (step,) = json.loads(done.stdout)["steps"]
    except (ValueError, KeyError):
        raise RuntimeError(done.stderr) from None
    found: Step = step
    return found


def at_rate(url: str, rate: float, seconds: float, seed: int) -> Step:
    """Requests that come whether or not it keeps up, and say what they need."""
    return told(loaded(url, ["--rate", f"{rate:.2f}", "--send-slo"], seconds, seed))


def for_clients(url: str, clients: int, seconds: float, seed: int) -> Step:
    """Clients that wait for their answers, and need nothing."""
    return told(loaded(url, ["--concurrency", str(clients)], seconds, seed))


def told(step: Step) -> Step:
    """What is kept of a step."""
    streams = step["streams"] or {}
    outcomes = step["outcomes"]
    answered = outcomes["in_time"] + outcomes["late"]
    begun = answered / step["duration_s"]
    written = (begun + step["throughput"]) / 2
    in_time = outcomes["in_time"] / answered if answered else 0.0
    return {
        "offered a second": step["offered"],
        "streams/s": round(written, 3),
        "goodput, streams/s": round(written * in_time, 3),
        "in time, of those answered": round(in_time, 4),
        "longest tenth in time, of those sent": step["long_attainment"],
        "outcomes": outcomes,
        "ttft ms": streams.get("ttft_ms"),
        "tpot ms": streams.get("tpot_ms"),
        "gaps ms": streams.get("itl_ms"),
        "tokens/s": streams.get("tokens_per_s"),
        "mean prompt tokens": streams.get("mean_prompt_tokens"),
        "refusals p99 ms": step["refusal_ms"]["p99"],
        "client cpu": step["client_cpu"],
    }


def measure(url: str, args: argparse.Namespace) -> dict[str, Any]:
    at_rate(url, 2.0, 5.0, 0)  # what steps take is learned
    figures: dict[str, Any] = {}
    saturation: float = args.saturation
    best = 0.0  # of the sweep
    if not saturation:
        figures["clients that wait, before"] = before = for_clients(url, args.clients, args.seconds / 4, 1)
        figures["sweep"] = sweep = {f"{rate:g}/s": at_rate(url, rate, args.seconds / 4, 1) for rate in args.rates}
        best = max([step["goodput, streams/s"] for step in sweep.values()], default=0.0)
        saturation = max(before["streams/s"], best)
    figures["2x"] = at_twice = at_rate(url, 2 * saturation, args.seconds, 2)
    if not args.saturation:
        figures["clients that wait, after"] = after = for_clients(url, args.clients, args.seconds / 4, 3)
        saturation = max(statistics.mean([before["streams/s"], after["streams/s"]]), best)
    figures["saturation, streams/s"] = round(saturation, 3)
    figures["goodput at 2x, of saturation"] = round(at_twice["goodput, streams/s"] / saturation, 3)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rates", type=lambda text: [float(rate) for rate in text.split(",") if rate], default=[])
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
