"""MiniLM under an objective: what is answered in time below, at and above saturation, and what it costs when idle.

    python -m benchmarks.bench_deadlines [--duration 20] [--parts overload,idle,tenants,leavers]

Saturation is what 16 clients in a closed loop get of the same server, with the same texts, from the same two cores. The
load is `headrace bench`, in processes of their own; its JSON is what the figures are read from.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.results import keep, spread
from benchmarks.server import Address, headrace

TEXTS = "lognormal:24:0.8:5:256"
OBJECTIVE_MS = 100
RATES = (0.5, 0.8, 1.0, 1.5, 2.0)
STRETCHES = 5  # of each rate
PAIRS = 6  # of short stretches: the machine's speed changes within seconds
OBJECTIVE = f"objective = {{ p99_ms = {OBJECTIVE_MS} }}\n"
MODELS = {
    "deadline": OBJECTIVE,
    "fixed": f'{OBJECTIVE}batching = {{ policy = "fixed", max_delay_ms = 2 }}\n',
    "open": "",
    "alone": f"{OBJECTIVE}batching = false\n",  # beside models that promise something, one that does not would give way
}
Step = dict[str, Any]


@contextmanager
def serving() -> Iterator[Address]:
    """One server with the same model under several policies."""
    with tempfile.TemporaryDirectory() as folder:
        for name, says in MODELS.items():
            place = Path(folder) / name
            place.mkdir()
            (place / "1").symlink_to(Path("models/minilm/1").resolve())
            (place / "model.toml").write_text(says)
        with headrace(Path(folder), "models.load_parallel=1") as address:
            yield address


def command(address: Address, model: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "headrace", "bench", f"http://{address.http}", model, "--json", "-", *more]


def loaded(address: Address, model: str, *more: str) -> list[Step]:
    """The steps of one measurement."""
    done = subprocess.run(command(address, model, *more), capture_output=True, text=True, check=False)
    return steps(done.stdout, done.stderr)


def together(*commands: list[str]) -> list[Step]:
    """The only step of each of several measurements at once."""
    running = [subprocess.Popen(each, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for each in commands]
    return [steps(*each.communicate())[0] for each in running]


def steps(output: str, fault: str) -> list[Step]:
    try:
        found: list[Step] = json.loads(output)["steps"]
    except (ValueError, KeyError):
        raise RuntimeError(fault) from None
    return found


def saturation(address: Address, model: str, seconds: float) -> float:
    """Answers a second of 16 clients that ask again at once."""
    (step,) = loaded(address, model, "--concurrency", "16", "--lengths", TEXTS, "--duration", str(seconds))
    return float(step["throughput"])


def told(step: Step) -> Step:
    """What is kept of a step."""
    kept = ("offered", "goodput", "attainment", "shed", "p50_ms", "p99_ms", "client_cpu", "send_lag_p99_ms")
    more = ("goodput_tokens", "long_attainment")
    return {
        **{key: step[key] for key in (*kept, *more) if key in step},
        "refusals p99 ms": step["refusal_ms"]["p99"],
        "outcomes": step["outcomes"],
        "reasons": step["batches"] and step["batches"]["reasons"],
    }


def of_stretches(stretches: list[Step]) -> Step:
    """What is kept of the same rate, several times: what was counted together, of all else the spread."""
    outcomes = Counter[str]()
    for step in stretches:
        outcomes.update(step["outcomes"])
    measured = ("offered", "goodput", "goodput_tokens", "p50_ms", "p99_ms", "long_attainment", "client_cpu")
    refusals = [step["refusal_ms"]["p99"] for step in stretches if step["refusal_ms"]["p99"] is not None]
    return {
        "attainment": round(outcomes["in_time"] / outcomes.total(), 5),
        "outcomes": dict(outcomes),
        **{key: spread([step[key] for step in stretches]) for key in measured},
        "refusals p99 ms": spread(refusals) if refusals else None,
    }


def overload(address: Address, seconds: float) -> dict[str, Any]:
    """Each policy at each rate, in turns at the same rate, on the same arrivals.

    In stretches of all rates, up and down, before each of which saturation is measured anew: what the machine can do
    drifts by a third within less than a minute, and a rate that was 0.8 of it would soon be more than all of it, or
    half. So rates are compared within a stretch as well.
    """
    found = {times: dict[str, list[Step]](deadline=[], fixed=[]) for times in RATES}
    saturations: dict[float, list[float]] = {times: [] for times in RATES}
    for stretch in range(STRETCHES):
        for times in RATES[:: -1 if stretch % 2 else 1]:
            saturations[times].append(saturation(address, "open", max(3.0, seconds / STRETCHES / 2)))
            said = ["--rate", f"{times * saturations[times][-1]:.1f}", "--lengths", TEXTS]
            said += ["--slo-ms", str(OBJECTIVE_MS), "--duration", str(seconds / STRETCHES), "--seed", str(stretch)]
            for model in list(found[times])[:: -1 if stretch % 2 else 1]:
                found[times][model] += loaded(address, model, *said)
    figures: dict[str, Any] = {}
    for times in RATES:
        figures[f"saturation at {times}x, answers/s"] = spread(saturations[times])
        figures |= {f"{model}, {times}x": of_stretches(stretches) for model, stretches in found[times].items()}
    for model in found[1.0]:
        figures[f"{model}, 2.0x over 1.0x"] = {
            measured: spread(
                [
                    overloaded[measured] / full[measured]
                    for overloaded, full in zip(found[2.0][model], found[1.0][model], strict=True)
                ]
            )
            for measured in ("goodput", "goodput_tokens")
        }
    return figures


def idle(address: Address, seconds: float) -> dict[str, Any]:
    """Nearly idle, texts of one length: the mean beside a model with the same objective that batches nothing.

    Each pair has arrivals of its own, the same for both, and the next one goes in the other order.
    """
    most = saturation(address, "open", seconds)
    said = ["--rate", f"{0.3 * most:.1f}", "--lengths", "24", "--slo-ms", str(OBJECTIVE_MS), "--duration", str(seconds)]
    found = dict[str, list[Step]](deadline=[], alone=[])
    for pair in range(PAIRS):
        for model in list(found)[:: -1 if pair % 2 else 1]:
            found[model] += loaded(address, model, *said, "--seed", str(pair))
    means = [[step["mean_ms"] for step in pair] for pair in zip(*found.values(), strict=True)]
    over = [ours - alone for ours, alone in means]
    return {
        "saturation, answers/s": most,
        "mean ms": means,
        "mean over unbatched, ms": [round(each, 3) for each in over],
        "median of these": round(median(over), 3),
        "refused": {model: sum(step["outcomes"]["shed"] for step in each) for model, each in found.items()},
    }


def tenants(address: Address, seconds: float) -> dict[str, Any]:
    """Two tenants at 0.4 of saturation each, then one of them at five times that."""
    most = saturation(address, "open", seconds)
    share = 0.4 * most

    def tenant(name: str, rate: float, seed: int) -> list[str]:
        said = ["--rate", f"{rate:.1f}", "--lengths", TEXTS, "--slo-ms", "150", "--send-slo", "--tenant", name]
        return command(address, "open", *said, "--seed", str(seed), "--duration", str(seconds))

    calm = together(tenant("quiet", share, 1), tenant("loud", share, 2))
    flood = together(tenant("quiet", share, 1), tenant("loud", 5 * share, 2))
    return {
        "saturation, answers/s": most,
        "both at their share": [told(step) for step in calm],
        "one floods": [told(step) for step in flood],
        "quiet one's goodput, flooded to calm": round(flood[0]["goodput"] / calm[0]["goodput"], 3),
        "both together, of saturation": round((flood[0]["goodput"] + flood[1]["goodput"]) / most, 3),
    }


def leavers(address: Address, seconds: float) -> dict[str, Any]:
    """1.6 times what saturates, no deadlines; three in ten leave after 150 ms, the others stay."""
    most = saturation(address, "open", seconds)

    def clients(rate: float, timeout_s: float, seed: int) -> list[str]:
        said = ["--rate", f"{rate:.1f}", "--lengths", TEXTS, "--timeout", str(timeout_s), "--seed", str(seed)]
        return command(address, "open", *said, "--duration", str(seconds), "--warmup", "0")

    leave, stay = together(clients(0.48 * most, 0.15, 1), clients(1.12 * most, 60, 2))
    return {"saturation, answers/s": most, "leave": told(leave), "stay": told(stay)}


PARTS = {"overload": overload, "idle": idle, "tenants": tenants, "leavers": leavers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duration", type=float, default=20.0)
    parser.add_argument("--parts", default=",".join(PARTS))
    args = parser.parse_args()
    for part in args.parts.split(","):
        with serving() as address:
            keep(f"deadlines_{part}", PARTS[part](address, args.duration))


if __name__ == "__main__":
    main()
