"""What watching costs: a server with everything on beside one with everything off, in turns.

    python -m benchmarks.bench_observing [--blocks 24] [--seconds 1.5] [--pairs 12] [--models noop,minilm]

On: every part at its default, one trace in a hundred sent to a collector that takes them, JSON lines to a file. Off:
no drift, no history, no changes, no lines about requests, no traces. Both servers live beside one another, and are
begun anew now and then: two processes of one program differ by more than what is looked for. Throughput and processor
time are of short blocks, in which the clients of one go on while those of the other stand still, each block on held
against those off before and after it; p99 is of pairs of some seconds, with clients of their own. A machine whose speed
is not its own alone changes it from block to block: what the clients take of a processor for one request tells it, and
what watching takes is told at the clients' usual speed, too. What is not measured is kept as it was.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import msgspec

from benchmarks.bench_encoder import NAMES
from benchmarks.bench_noop import NOOP
from benchmarks.perf_analyzer import Load, Turn, answered, measure, waiting
from benchmarks.results import FOLDER, keep, spread
from benchmarks.server import Address, children, cpu_ns, headrace, only, resident_bytes, wait_joined

OFF = ("drift.enabled=false", "history.enabled=false", "changes.enabled=false", "log.max_per_s=0", "trace.ratio=0")
CLIENTS = 16
ARGUMENTS = {
    "noop": ["--shape", "INPUT:4096"],
    "minilm": [word for name in NAMES for word in ("--shape", f"{name}:64")] + ["--input-data", "zero"],
}
VARIED = ("minilm",)
"""Models that have variants, which join them later."""

ANEW = 4
"""Blocks, after which servers are begun anew, and clients, which keep what they have sent."""


class Block(msgspec.Struct, frozen=True):
    """What one server did in its turn."""

    per_second: float
    cpu_us: float  # of all its threads, for one request
    client_us: float  # of its clients'


class Servers(msgspec.Struct, frozen=True):
    """One that watches, and one that does not."""

    on: Address
    off: Address


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=1.5, help="of a block")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--models", default="noop,minilm")
    options = parser.parse_args()
    file = FOLDER / "observing.json"
    figures: dict[str, object] = json.loads(file.read_text()) if file.exists() else {}
    figures.pop("machine", None)
    for model in options.models.split(","):
        figures = {name: figure for name, figure in figures.items() if not name.startswith(f"{model} ")}
        blocks, pairs = list[tuple[Block, Block, Block]](), list[tuple[Load, Load]]()
        with _repository(model) as repository:
            while len(blocks) < options.blocks or len(pairs) < options.pairs:
                with _both(repository) as servers:
                    if model in VARIED:
                        for server in (servers.on, servers.off):
                            wait_joined(server.http, model)
                    blocks += _blocks(model, servers, min(ANEW, options.blocks - len(blocks)), options.seconds)
                    for _ in range(min(ANEW, options.pairs - len(pairs))):
                        pairs.append(_pair(model, servers, len(pairs)))
                    for name, server in (("on", servers.on), ("off", servers.off)):
                        figures[f"{model} resident MiB, {name}"] = round(resident_bytes(server.pid) / 2**20, 1)
        figures |= _throughput(model, blocks) | _tail(model, pairs)
    keep("observing", figures)


@contextmanager
def _repository(model: str) -> Iterator[Path]:
    if model != "noop":
        with only(model) as repository:
            yield repository
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "noop" / "1"
        place.mkdir(parents=True)
        (place / "model.fake").write_text(NOOP.replace("{width}", "4096"))
        yield Path(folder)


@contextmanager
def _both(repository: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        collector = stack.enter_context(_collector())
        told = (f"trace.endpoint={collector}", "trace.ratio=0.01", "log.format=json", f"log.file={folder / 'log'}")
        on = stack.enter_context(headrace(repository, "batching.max_size=16", *told))
        off = stack.enter_context(headrace(repository, "batching.max_size=16", *OFF))
        yield Servers(on, off)


@contextmanager
def _collector() -> Iterator[str]:
    """Takes traces and throws them away."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def _blocks(model: str, servers: Servers, blocks: int, seconds: float) -> list[tuple[Block, Block, Block]]:
    """Each block on, between the two off before and after it."""
    found: list[tuple[Block, Block, Block]] = []
    with _clients(model, servers.on) as on, _clients(model, servers.off) as off:
        before = _block(model, servers.off, off, seconds)
        for _ in range(blocks):
            watched = _block(model, servers.on, on, seconds)
            after = _block(model, servers.off, off, seconds)
            found.append((before, watched, after))
            print(f"{model:8} off {before}, on {watched}, off {after}", file=sys.stderr)
            before = after
    return found


def _clients(model: str, server: Address) -> AbstractContextManager[Turn]:
    return waiting(model, "http", server.http, CLIENTS, ARGUMENTS[model], server.http)


def _block(model: str, server: Address, turn: Turn, seconds: float) -> Block:
    first, began_ns, clients_began_ns = answered(model, server.http)[0], cpu_ns(server.pid), _clients_ns()
    per_second = turn(seconds)
    last, ended_ns, clients_ended_ns = answered(model, server.http)[0], cpu_ns(server.pid), _clients_ns()
    requests = 1e3 * (last - first)
    return Block(per_second, (ended_ns - began_ns) / requests, (clients_ended_ns - clients_began_ns) / requests)


def _clients_ns() -> int:
    """Of all clients: those that stand still take nothing."""
    return sum(cpu_ns(pid) for pid in children(os.getpid()) if _is_client(pid))


def _is_client(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().startswith("perf_analyzer")


def _pair(model: str, servers: Servers, turn: int) -> tuple[Load, Load]:
    order = (servers.on, servers.off) if turn % 2 else (servers.off, servers.on)
    loads = {each.http: measure(model, "http", each.http, CLIENTS, ARGUMENTS[model]) for each in order}
    watched, bare = loads[servers.on.http], loads[servers.off.http]
    print(f"{model:8} p99 on {watched.p99_us:.0f} us, off {bare.p99_us:.0f} us", file=sys.stderr)
    return watched, bare


def _throughput(model: str, blocks: list[tuple[Block, Block, Block]]) -> dict[str, object]:
    usual_us = statistics.median([each.client_us for block in blocks for each in block])
    at_usual = [[each.cpu_us / each.client_us * usual_us for each in block] for block in blocks]
    return {
        f"{model} per second, on": spread([on.per_second for _, on, _ in blocks]),
        f"{model} per second, off": spread([off.per_second for off, _, _ in blocks]),
        f"{model} on / off": spread([2 * on.per_second / (a.per_second + b.per_second) for a, on, b in blocks]),
        f"{model} cpu us a request, on": spread([on.cpu_us for _, on, _ in blocks]),
        f"{model} cpu us a request, on - off": spread([on.cpu_us - (a.cpu_us + b.cpu_us) / 2 for a, on, b in blocks]),
        f"{model} cpu us a request, on - off, at one speed": spread([on - (a + b) / 2 for a, on, b in at_usual]),
    }


def _tail(model: str, pairs: list[tuple[Load, Load]]) -> dict[str, object]:
    return {
        f"{model} p99 on / off": spread([on.p99_us / off.p99_us for on, off in pairs]),
        f"{model} p99 on - off, ms": spread([(on.p99_us - off.p99_us) / 1e3 for on, off in pairs]),
        f"{model} p99 off, ms": spread([off.p99_us / 1e3 for _, off in pairs]),
    }


if __name__ == "__main__":
    main()
