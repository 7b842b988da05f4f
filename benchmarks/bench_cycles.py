"""A model loaded and unloaded a hundred times: how much memory the server and what it forks from have gained.

    python -m benchmarks.bench_cycles [--cycles 100] [--model add_sub]

Memory is the Pss of the server and of all its descendants while nothing is loaded, after ten cycles and at the end.
"""

import argparse
import http.client
import time
from pathlib import Path

from benchmarks.results import keep
from benchmarks.server import Address, headrace, only

SETTLED = 10  # cycles, after which nothing is made for the first time


def post(address: Address, path: str) -> None:
    connection = http.client.HTTPConnection(address.http, timeout=60)
    connection.request("POST", path, b"{}", {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    if response.status != 200:
        raise RuntimeError(text.decode(errors="replace"))


def pss_bytes(pid: int) -> int:
    """Of a process and all that came of it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    own = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) << 10
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return own + sum(pss_bytes(int(child)) for task in tasks for child in (task / "children").read_text().split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--model", default="add_sub")
    asked = parser.parse_args()
    before = 0
    with only(asked.model) as repository, headrace(repository, "models.control=explicit") as address:
        started_s = time.perf_counter()
        for cycle in range(asked.cycles):
            post(address, f"/v2/repository/models/{asked.model}/load")
            post(address, f"/v2/repository/models/{asked.model}/unload")
            if cycle + 1 == SETTLED:
                time.sleep(1)  # the next worker is in reserve
                before = pss_bytes(address.pid)
        took_s = time.perf_counter() - started_s
        time.sleep(1)
        after = pss_bytes(address.pid)
    figures = {
        "model": asked.model,
        "cycles": asked.cycles,
        "memory after the first ten, MB": round(before / 1e6, 1),
        "memory at the end, MB": round(after / 1e6, 1),
        "growth": round(after / before - 1, 4),
        "a load and an unload, s": round(took_s / asked.cycles, 3),
    }
    keep("cycles", figures)


if __name__ == "__main__":
    main()
