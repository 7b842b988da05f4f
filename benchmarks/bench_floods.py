"""What floods over gRPC cost other clients: their p99 while the server is flooded, and while something else is.

    python -m benchmarks.bench_floods [--rounds 3] [--calls 2500] [--only NAME]

Client, server and attacker share the machine's cores, so an attacker costs others time whomever it attacks. What the
server adds to that is the ratio of two p99s: with the flood at the server, and with the same flood at another
process, a socket that reads as much of it, or, for calls and connections that look honest, a second server. The
well-behaved client calls ServerLive, one call at a time. Hostile floods are a connection every 100 ms that sends
nothing else until it is closed (benchmarks/flood.py).
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from benchmarks.flood import CALLS, CONNECTIONS, HOSTILE, PATH
from benchmarks.results import keep, spread
from benchmarks.server import headrace
from headrace.generated import service_pb2 as pb


def main() -> None:
    arguments = _arguments()
    names = [name for name in (*HOSTILE, CONNECTIONS, CALLS) if arguments.only in (None, name)]
    figures: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        headrace(Path(folder)) as server,
        headrace(Path(folder)) as other,
        program() as sink,
    ):
        assert sink.stdout
        port = int(sink.stdout.readline())
        p99_us(server.grpc, arguments.calls)  # warm
        for _ in range(arguments.rounds):
            for name in names:
                elsewhere = f"127.0.0.1:{port}" if name in HOSTILE else other.grpc
                alone = p99_us(server.grpc, arguments.calls)
                with attacked(elsewhere, name):
                    beside = p99_us(server.grpc, arguments.calls)
                with attacked(server.grpc, name):
                    under = p99_us(server.grpc, arguments.calls)
                said = (
                    f"{name:14} p99 {alone:.0f} us alone, {beside:.0f} us with another flooded, {under:.0f} us flooded"
                )
                print(said, file=sys.stderr)
                figures.setdefault(f"{name}: p99 to that with another flooded", []).append(under / beside)
                figures.setdefault(f"{name}: p99 to that alone", []).append(under / alone)
    keep("floods", {name: spread(values) for name, values in figures.items()})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=2500)
    parser.add_argument("--only", choices=[*HOSTILE, CONNECTIONS, CALLS])
    return parser.parse_args()


def p99_us(target: str, calls: int) -> float:
    """Of one client that calls one at a time."""
    took = []
    with grpc.insecure_channel(target) as channel:
        ask = channel.unary_unary(PATH, pb.ServerLiveRequest.SerializeToString, pb.ServerLiveResponse.FromString)
        for _ in range(calls):
            begun = time.perf_counter()
            ask(pb.ServerLiveRequest())
            took.append(time.perf_counter() - begun)
    return sorted(took)[int(0.99 * calls)] * 1e6


@contextmanager
def attacked(target: str, name: str) -> Iterator[None]:
    with program(target, name) as attacker:
        assert attacker.stdout
        attacker.stdout.readline()  # what it sends is made
        yield


@contextmanager
def program(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """benchmarks/flood.py, until its standard input ends."""
    command = [sys.executable, "-m", "benchmarks.flood", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(30)


if __name__ == "__main__":
    main()
