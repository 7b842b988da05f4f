"""What watching costs: a server with everything on beside one with everything off, in turns.

    python -m benchmarks.bench_observing [--pairs 10] [--models noop,minilm]

On: every part at its default, one trace in a hundred sent to a collector that takes them, JSON lines to a file. Off:
no drift, no history, no changes, no lines about requests, no traces. Both servers live all the time, and one is asked
while the other has nothing to do; which of the two comes first changes from pair to pair.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from benchmarks.bench_encoder import NAMES
from benchmarks.bench_noop import NOOP
from benchmarks.perf_analyzer import Load, measure
from benchmarks.results import keep, spread
from benchmarks.server import headrace, only

OFF = ("drift.enabled=false", "history.enabled=false", "changes.enabled=false", "log.max_per_s=0", "trace.ratio=0")
CLIENTS = 16
ARGUMENTS = {
    "noop": ["--shape", "INPUT:4096"],
    "minilm": [word for name in NAMES for word in ("--shape", f"{name}:64")] + ["--input-data", "zero"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--models", default="noop,minilm")
    options = parser.parse_args()
    figures: dict[str, object] = {}
    for model in options.models.split(","):
        with _repository(model) as repository, _both(repository) as (on, off):
            pairs = [_pair(model, on, off, turn) for turn in range(options.pairs)]
        figures |= _figures(model, pairs)
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
def _both(repository: Path) -> Iterator[tuple[str, str]]:
    """The addresses of the two servers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        collector = stack.enter_context(_collector())
        told = (f"trace.endpoint={collector}", "trace.ratio=0.01", "log.format=json", f"log.file={folder / 'log'}")
        on = stack.enter_context(headrace(repository, "batching.max_size=16", *told))
        off = stack.enter_context(headrace(repository, "batching.max_size=16", *OFF))
        yield on.http, off.http


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


def _pair(model: str, on: str, off: str, turn: int) -> tuple[Load, Load]:
    order = (on, off) if turn % 2 else (off, on)
    loads = {address: measure(model, "http", address, CLIENTS, ARGUMENTS[model], windows=4) for address in order}
    watched, bare = loads[on], loads[off]
    print(
        f"{model:8} on {watched.per_second:8.1f}/s off {bare.per_second:8.1f}/s ratio "
        f"{watched.per_second / bare.per_second:.3f}  p99 {watched.p99_us:.0f} and {bare.p99_us:.0f} us",
        file=sys.stderr,
    )
    return watched, bare


def _figures(model: str, pairs: list[tuple[Load, Load]]) -> dict[str, object]:
    return {
        f"{model} per second, on": spread([on.per_second for on, _ in pairs]),
        f"{model} per second, off": spread([off.per_second for _, off in pairs]),
        f"{model} on / off": spread([on.per_second / off.per_second for on, off in pairs]),
        f"{model} p99 on / off": spread([on.p99_us / off.p99_us for on, off in pairs]),
        f"{model} p99 on - off, ms": spread([(on.p99_us - off.p99_us) / 1e3 for on, off in pairs]),
    }


if __name__ == "__main__":
    main()
