"""What a server loses while a profile of it is made.

    python -m benchmarks.bench_profile [--pairs 6] [--seconds 2]

Sixteen clients ask a model that does nothing, with and without a profile, in turns; the figure is how many requests
were answered with one for each that was without. The load comes from the same machine.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.results import keep, spread
from tests.e2e.conftest import add_fake
from tests.program import ANY_PORTS, serving


def main() -> None:
    arguments = _arguments()
    with TemporaryDirectory() as folder:
        add_fake(Path(folder), "rows")
        with serving(folder, *ANY_PORTS, "--set", f"log.file={folder}/log") as program:
            address = f"http://{program.http}"
            rate(address, arguments.seconds)
            ratios, looks = list[float](), list[float]()
            for _ in range(arguments.pairs):
                without = rate(address, arguments.seconds)
                ratio, seen = _profiled(address, arguments.seconds)
                ratios.append(ratio / without)
                looks.append(seen)
    keep(
        "profile", {"pairs": arguments.pairs, "rate_with_for_without": spread(ratios), "looks_a_second": spread(looks)}
    )


def _profiled(address: str, seconds: float) -> tuple[float, float]:
    """The rate while a profile is made, and how often a second it looked."""
    told: list[bytes] = []
    lasts_s = seconds + 2.0  # it begins before the load and ends after it
    body = json.dumps({"seconds": lasts_s}).encode()
    thread = threading.Thread(target=lambda: told.append(_post(f"{address}/v2/headrace/profile", body)))
    thread.start()
    time.sleep(0.2)
    found = rate(address, seconds)
    thread.join()
    profiles = json.loads(told[0])["profiles"]  # a thread is seen at each look
    busiest = max(sum(profile["weights"]) for profile in profiles)
    return found, busiest * 100 / lasts_s


def rate(address: str, seconds: float) -> float:
    """Requests a second of sixteen clients."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        load = ("--concurrency", "16", "--duration", str(seconds), "--warmup", "0.3", "--json", str(file))
        command = [sys.executable, "-m", "headrace", "bench", address, "rows", *load]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        told = json.loads(file.read_text())
    found: float = told["steps"][0]["throughput"]
    return found


def _post(address: str, body: bytes) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, body, method="POST"), timeout=90) as answer:
        content: bytes = answer.read()
    return content


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=2.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
