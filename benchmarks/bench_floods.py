"""What floods over gRPC cost other clients: their p99 while the server is flooded, and while something else is.

    python -m benchmarks.bench_floods [--rounds 6] [--calls 10000] [--only NAME]

Client, server and attacker share the machine's cores, so an attacker costs others time whomever it attacks. What the
server adds to that is the ratio of two p99s: with the flood at the server, and with the same flood at another
process, a socket that reads as much of it, or, for calls and connections that look honest, a second server. The
well-behaved client calls ServerLive, one call at a time. Hostile floods are a connection every 100 ms that sends
nothing else until it is closed (benchmarks/flood.py).

A p99 by itself moves by half from one stretch to the next, whoever floods, so the medians of all rounds are compared:
ratios within a round say more of the machine than of the server.
"""

import argparse
import statistics
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
    found: dict[str, list[tuple[float, float, float]]] = {}
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
                found.setdefault(name, []).append((alone, beside, under))
    keep("floods", {name: compared(p99s) for name, p99s in found.items()})


def compared(p99s: list[tuple[float, float, float]]) -> dict[str, object]:
    """Of all rounds, in us: alone, with another flooded, flooded; and the last's median to those of the others."""
    alone, beside, under = zip(*p99s, strict=True)
    middle = statistics.median(under)
    return {
        "p99 alone, us": spread(alone),
        "p99 with another flooded, us": spread(beside),
        "p99 flooded, us": spread(under),
        "to that with another flooded": round(middle / statistics.median(beside), 3),
        "to that alone": round(middle / statistics.median(alone), 3),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--calls", type=int, default=10_000)
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
