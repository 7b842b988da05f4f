"""The server's own cost: a model that does nothing, 16 KiB in and 512 B out, through a worker process.

    python -m benchmarks.bench_noop [--beside SCRIPT] [--rounds 5] [--clients 16] [--width 4096] [--grpcio]

`--width` is how many FP32 numbers go in, and `--grpcio` measures gRPC on grpcio's core as well.
`--beside` is another server that speaks the protocol on ports 8000 and 8001 with the same model `noop`; the two are
measured in turn (A/B/A/B), one stopped while the other runs.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.perf_analyzer import Load, measure
from benchmarks.results import keep, spread
from benchmarks.server import Address, headrace, process

NOOP = """
[[inputs]]
name = "INPUT"
datatype = "FP32"
shape = [-1, {width}]

[[outputs]]
name = "OUTPUT"
datatype = "FP32"
shape = [-1, 128]
"""


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "noop" / "1"
        model.mkdir(parents=True)
        (model / "model.fake").write_text(NOOP.replace("{width}", str(arguments.width)))
        servers: dict[str, Callable[[], AbstractContextManager[Address]]] = {
            "headrace": lambda: headrace(Path(folder), "batching.max_size=16")
        }
        if arguments.grpcio:
            servers["grpcio"] = lambda: headrace(Path(folder), "batching.max_size=16", "protocols.grpc=grpcio")
        if arguments.beside:
            servers["beside"] = lambda: process([arguments.python, arguments.beside], 8000, 8001)
        loads: dict[str, list[Load]] = {}
        for _ in range(arguments.rounds):
            for name, start in servers.items():
                with start() as address:
                    for protocol, where in (("http", address.http), ("grpc", address.grpc)):
                        shape = ["--shape", f"INPUT:{arguments.width}"]
                        load = measure("noop", protocol, where, arguments.clients, shape)
                        print(
                            f"{name:10} {protocol:5} {load.per_second:9.0f}/s  p50 {load.p50_us:.0f} us",
                            file=sys.stderr,
                        )
                        loads.setdefault(f"{name} {protocol}", []).append(load)
    wide = "" if arguments.width == 4096 else f"_{arguments.width}"
    keep(f"noop_{arguments.clients}{wide}", _figures(loads))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", help="a script that serves the same model on ports 8000 and 8001")
    parser.add_argument("--python", default=sys.executable, help="the interpreter for that script")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--grpcio", action="store_true")
    return parser.parse_args()


def _figures(loads: dict[str, list[Load]]) -> dict[str, object]:
    figures: dict[str, object] = {}
    for name, measured in loads.items():
        figures[name] = {
            "per_second": spread([load.per_second for load in measured]),
            "p50_us": spread([load.p50_us for load in measured]),
            "p99_us": spread([load.p99_us for load in measured]),
        }
    for protocol in ("http", "grpc"):
        if beside := loads.get(f"beside {protocol}"):
            pairs = zip(loads[f"headrace {protocol}"], beside, strict=True)
            figures[f"ratio {protocol}"] = spread([ours.per_second / theirs.per_second for ours, theirs in pairs])
    ours = zip(loads["headrace grpc"], loads["headrace http"], strict=True)
    figures["ratio of grpc to http"] = spread([rpc.per_second / http.per_second for rpc, http in ours])
    return figures


if __name__ == "__main__":
    main()
