"""What the way of a wide tensor costs over gRPC and over HTTP: a model that does nothing, asked by a bare client.

    python -m benchmarks.bench_wide [--width 150528] [--clients 16] [--rounds 5] [--seconds 4]

`--width` is how many FP32 numbers go in: 588 KiB by default. The client is the same for both and costs next to nothing
(benchmarks/bare_client.py; its share is told), where perf_analyzer takes two to three times what the server does. The
protocols take turns; told are answers a second, and processor time of the server and its worker for one.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.bare_client import PROTOCOLS, ask_for
from benchmarks.bench_large import MODEL
from benchmarks.results import keep, spread
from benchmarks.server import Address, children, cpu_ns, headrace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=150_528)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "wide" / "1"
        model.mkdir(parents=True)
        (model / "model.fake").write_text(MODEL.format(arguments.width, 1))
        with headrace(Path(folder), "batching.max_size=16") as address:
            for _ in range(1 + arguments.rounds):  # the first is not counted
                for protocol in PROTOCOLS:
                    for what, value in measured(address, protocol, arguments).items():
                        found.setdefault(f"{protocol}: {what}", []).append(value)
                print({name: round(values[-1], 1) for name, values in found.items()}, file=sys.stderr)
    counted = {name: values[1:] for name, values in found.items()}
    rates = zip(counted["grpc: answers/s"], counted["http: answers/s"], strict=True)
    figures = {name: spread(values) for name, values in counted.items()}
    kib = arguments.width * 4 // 1024
    keep("wide", {"KiB": kib, **figures, "grpc to http": spread([grpc / http for grpc, http in rates])})


def measured(address: Address, protocol: str, arguments: argparse.Namespace) -> dict[str, float]:
    processes = (address.pid, *children(address.pid))
    where = address.grpc if protocol == "grpc" else address.http
    data = np.ones(arguments.width, np.float32).tobytes()
    before = sum(map(cpu_ns, processes))
    load = ask_for(protocol, where, "wide", (1, arguments.width), data, arguments.clients, arguments.seconds)
    spent_us = (sum(map(cpu_ns, processes)) - before) / 1e3 / (load.per_second * arguments.seconds)
    return {"answers/s": load.per_second, "us of the server": spent_us, "us of the client": load.client_us}


if __name__ == "__main__":
    main()
