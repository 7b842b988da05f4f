"""The gRPC front alone: a model that does nothing, in this process, 16 KiB in and 512 B out, under perf_analyzer.

    python -m benchmarks.bench_grpc [--clients 16] [--rounds 3]

The event loops take turns. What a child process and batching add is measured by bench_noop.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.perf_analyzer import Load, measure
from benchmarks.results import keep, spread
from headrace.clock import LoopClock
from headrace.gateway.gateway import Gateway
from headrace.models.registry import Registry, Served
from headrace.protocols.beside import Beside
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.grpc import create_server
from headrace.protocols.oip.model_config import model_config_json
from headrace.protocols.oip.settings import Settings
from headrace.protocols.oip.shared_memory import Regions
from headrace.records import discard
from headrace.servable import Cancel, Reply
from headrace.types import (
    FREE,
    Backlog,
    BatchAxis,
    BatchFacts,
    Manifest,
    ModelRef,
    ModelVersion,
    Request,
    Response,
    Signature,
    Tensor,
    TensorSpec,
)

VERSION = ModelVersion("noop", 1)
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}


class Noop:
    """Answers at once, with zeros, and counts: the load generator looks for the version whose count goes up."""

    signature = Signature(
        (TensorSpec("INPUT", "FP32", (FREE, 4096)),),
        (TensorSpec("OUTPUT", "FP32", (FREE, 128)),),
        BatchAxis(True, 16),
        "fake",
        "none",
    )
    _response = Response(
        VERSION,
        (Tensor("OUTPUT", "FP32", (1, 128), bytes(512)),),
        BatchFacts(rows=1, requests=1, reason="alone", instance=0, started_ns=0),
    )

    def __init__(self) -> None:
        self._count = 0

    def submit(self, request: Request, reply: Reply) -> Cancel:
        self._count += 1
        reply(self._response)
        return lambda: None

    def backlog(self) -> Backlog:
        return Backlog(0, 0)

    async def drain(self) -> None:
        return None

    async def close(self) -> None:
        return None

    def statistics(self, name: str | None, version: int | None) -> list[dict[str, Any]]:
        steps = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output")
        times = {step: {"count": self._count, "ns": 0} for step in steps}
        counts = {"inference_count": self._count, "execution_count": self._count}
        return [{"name": VERSION.name, "version": str(VERSION.version), **counts, "inference_stats": times}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    loads: dict[str, list[Load]] = {name: [] for name in LOOPS}
    for _ in range(arguments.rounds):
        for name, loop in LOOPS.items():
            with asyncio.Runner(loop_factory=loop) as runner:
                load = runner.run(_measure(arguments.clients))
            print(f"{name:8} {load.per_second:9.0f}/s  p50 {load.p50_us:.0f} us", file=sys.stderr)
            loads[name].append(load)
    figures = {
        name: {
            "per_second": spread([load.per_second for load in measured]),
            "p50_us": spread([load.p50_us for load in measured]),
        }
        for name, measured in loads.items()
    }
    keep(f"grpc_{arguments.clients}", figures)


async def _measure(clients: int) -> Load:
    server = create_server(_front())
    address = f"127.0.0.1:{await server.listen('127.0.0.1', 0)}"
    try:
        return await asyncio.to_thread(measure, "noop", "grpc", address, clients, ["--shape", "INPUT:4096"])
    finally:
        await server.stop(None)


def _front() -> Front:
    clock, registry, noop = LoopClock(asyncio.get_running_loop()), Registry(), Noop()
    registry.publish(Served(VERSION, Manifest(VERSION.name, VERSION.version, Path(), "fake"), noop))
    gateway = Gateway(registry, discard, clock)
    return Front(
        gateway=gateway,
        registry=registry,
        repository=_NoRepository(registry),
        clock=clock,
        beside=Beside(gateway.expect),
        regions=Regions(allowed=False),
        settings=Settings(),
        statistics=noop.statistics,
        metrics=_no_page,
        model_config=model_config_json,
        server_name="bench",
        server_version="0",
    )


async def _no_page(accept: str) -> tuple[str, bytes]:
    return "text/plain", b""


class _NoRepository:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def load(self, name: str, config: Any = None, files: Any = None) -> None:
        raise NotImplementedError

    async def unload(self, name: str, dependents: bool = False, wait: bool = True) -> None:
        raise NotImplementedError

    def check_uploads(self, num_files: int = 1) -> None:
        raise NotImplementedError

    async def roll_back(self, name: str) -> int:
        raise NotImplementedError

    async def label(self, name: str, label: str, version: int | None) -> None:
        raise NotImplementedError

    async def pin(self, name: str, pinned: bool) -> None:
        raise NotImplementedError

    async def know(self, ref: ModelRef) -> Served:
        return self._registry.get(ref)

    def index(self) -> tuple[()]:
        return ()


if __name__ == "__main__":
    main()
