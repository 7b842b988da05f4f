"""What a request costs `headrace bench` itself: processor time of the client, against a model that does nothing.

    python -m benchmarks.bench_client [--rounds 3] [--clients 32]

The share of a core that the client used, over the answers a second, for each protocol.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.results import keep, spread
from benchmarks.server import Address, headrace

NOTHING = """
inputs = [{ name = "x", shape = [-1, 4] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
PROTOCOLS = "http", "grpc"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=32)
    arguments = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {protocol: [] for protocol in PROTOCOLS}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "noop").mkdir()
        (Path(folder) / "noop" / "model.fake").write_text(NOTHING)
        with headrace(Path(folder)) as address:
            for _ in range(arguments.rounds):
                for protocol in PROTOCOLS:
                    found[protocol].append(_measure(address, protocol, arguments.clients))
                    print(protocol, found[protocol][-1], file=sys.stderr)
    figures = {
        protocol: {
            "client_us": spread([cpu / rate * 1e6 for cpu, rate in measured]),
            "per_second": spread([rate for _, rate in measured]),
        }
        for protocol, measured in found.items()
    }
    keep(f"client_{arguments.clients}", figures)


def _measure(address: Address, protocol: str, clients: int) -> tuple[float, float]:
    """The client's share of a core, and answers a second."""
    url = f"grpc://{address.grpc}" if protocol == "grpc" else f"http://{address.http}"
    command = [sys.executable, "-m", "headrace", "bench", url, "noop", "--protocol", protocol]
    command += ["--concurrency", str(clients), "--duration", "3", "--json", "-"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    step = msgspec.json.decode(told)["steps"][0]
    return step["client_cpu"], step["throughput"]


if __name__ == "__main__":
    main()
