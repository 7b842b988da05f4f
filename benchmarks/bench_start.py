"""How long until a model answers, how long an import takes, and what the server's own process weighs.

python -m benchmarks.bench_start [--rounds 5]
"""

import argparse
import subprocess
import sys
import time

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
    ready, server, workers = [], [], []
    rounds = parser.parse_args().rounds
    for _ in range(rounds):
        with only("minilm") as repository, headrace(repository) as address:
            ready.append(address.ready_s)
            server.append(resident_bytes(address.pid) / 1e6)
            workers.append(sum(map(resident_bytes, children(address.pid))) / 1e6)
    figures = {
        "minilm ready, s after the process was started": spread(ready),
        "server process, MB resident": spread(server),
        "worker process, MB resident": spread(workers),
        "import headrace, ms": spread([import_ms() for _ in range(rounds)]),
    }
    keep("start", figures)


if __name__ == "__main__":
    main()
