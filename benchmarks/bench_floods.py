"""What floods over gRPC cost other clients: their p99 with a flood beside them and without, in turns.

    python -m benchmarks.bench_floods [--rounds 3] [--calls 1500]

A flood is a connection that sends nothing but it until it is closed; a new one begins every 100 ms. The well-behaved
client calls ServerLive, one call at a time.
"""

import argparse
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.synchronize import Event
from pathlib import Path

import grpc

from benchmarks.results import keep, spread
from benchmarks.server import headrace
from headrace.generated import service_pb2 as pb
from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.header_blocks import literal

PATH = "/inference.GRPCInferenceService/ServerLive"
REQUEST = b"".join(
    literal(*each)
    for each in (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", PATH.encode()),
        (b"content-type", b"application/grpc"),
    )
)
FLOODS: dict[str, Callable[[int], bytes]] = {
    "rapid reset": lambda number: (
        frames.frame(codes.HEADERS, codes.END_HEADERS, number, REQUEST) + frames.reset(number, codes.CANCEL)
    ),
    "continuation": lambda number: frames.frame(codes.HEADERS if number == 1 else codes.CONTINUATION, 0, 1, b""),
    "ping": lambda number: frames.ping(bytes(8)),
    "settings": lambda number: frames.settings({codes.INITIAL_WINDOW_SIZE: number}),
    "empty data": lambda number: (
        frames.frame(codes.HEADERS, codes.END_HEADERS, 1, REQUEST) if number == 1 else frames.frame(codes.DATA, 0, 1)
    ),
}
EVERY_S = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=1500)
    arguments = parser.parse_args()
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, headrace(Path(folder)) as address:
        p99_us(address.grpc, arguments.calls)  # warm
        for _ in range(arguments.rounds):
            for name, flood in FLOODS.items():
                alone = p99_us(address.grpc, arguments.calls)
                ended = multiprocessing.Event()
                attacker = multiprocessing.Process(target=attack, args=(address.grpc, flood, ended))
                attacker.start()
                beside = p99_us(address.grpc, arguments.calls)
                ended.set()
                attacker.join()
                print(f"{name:14} p99 {alone:.0f} us alone, {beside:.0f} us beside it", file=sys.stderr)
                figures.setdefault(f"{name}: p99 beside it to p99 alone", []).append(beside / alone)
    keep("floods", {name: spread(values) for name, values in figures.items()})


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


def attack(target: str, flood: Callable[[int], bytes], ended: Event) -> None:
    """One connection after the other, each until it is closed."""
    host, _, port = target.rpartition(":")
    sent = b"".join(flood(number) for number in range(1, 20_001, 2))
    while not ended.is_set():
        with suppress(OSError), socket.create_connection((host, int(port))) as connection:
            connection.settimeout(2)
            connection.sendall(codes.PREFACE + frames.settings({}) + sent)
            while connection.recv(1 << 16):
                pass
        ended.wait(EVERY_S)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
