"""How long until a model answers, how long an import takes, and what the server's own process weighs.

python -m benchmarks.bench_start [--rounds 5]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.results import keep, spread
from benchmarks.server import children, headrace, only, resident_bytes


def import_ms() -> float:
    """`import headrace` as the interpreter itself times it: the difference to an empty program."""

    def seconds(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - started

    return 1e3 * (seconds("import headrace") - seconds("pass"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    figures: dict[str, object] = {}
    with only("minilm") as folder, tempfile.TemporaryDirectory() as cache:
        file = next((folder / "minilm").resolve().rglob("model.onnx"))
        for name, repository in (("minilm, one file", file), ("minilm and two variants", folder)):
            os.environ["XDG_CACHE_HOME"] = f"{cache}/{name}"
            first = started(repository)
            again = [started(repository) for _ in range(rounds)]
            figures |= {
                f"{name}: ready at its first start ever, s": round(first.ready_s, 2),
                f"{name}: ready, s after the process was started": spread([each.ready_s for each in again]),
                f"{name}: server process, MB resident": spread([each.server_mb for each in again]),
                f"{name}: its workers, MB resident": spread([each.workers_mb for each in again]),
            }
    figures["import headrace, ms"] = spread([import_ms() for _ in range(rounds)])
    keep("start", figures)


class Started(NamedTuple):
    """One start of a server."""

    ready_s: float
    server_mb: float
    workers_mb: float


def started(repository: Path) -> Started:
    """Start a server, look at it once it is ready, and stop it."""
    with headrace(repository) as address:
        workers = sum(map(resident_bytes, children(address.pid))) / 1e6
        return Started(address.ready_s, resident_bytes(address.pid) / 1e6, workers)


if __name__ == "__main__":
    main()
