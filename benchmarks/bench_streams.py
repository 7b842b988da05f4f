"""What streaming costs: an engine without weights that answers a step in a known time, its tokens over HTTP.

    python -m benchmarks.bench_streams [--rounds 5] [--tokens 200] [--delay-ms 10]

For 1, 8 and 32 streams: the processor time of the server, of its worker and of the client for each token, and the time
of a step as the client sees it, to be set against the engine's own.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from benchmarks.results import keep, spread
from benchmarks.server import children, headrace

STREAMS = (1, 8, 32)
_TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


class Round(NamedTuple):
    """One run of streams side by side."""

    server_us: float  # of the process that speaks HTTP, for each token
    engine_us: float  # of its worker
    client_us: float
    step_ms: float


def main() -> None:
    arguments = _arguments()
    found: dict[int, list[Round]] = {streams: [] for streams in STREAMS}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "fake").mkdir()
        (Path(folder) / "fake" / "model.fakellm").write_text(f"delay_ms = {arguments.delay_ms}\n")
        with headrace(Path(folder), "llm.max_sequences=64") as address:
            for number in range(arguments.rounds + 1):
                for streams in STREAMS:
                    measured = uvloop.run(_measure(address.http, address.pid, streams, arguments.tokens))
                    print(streams, measured, file=sys.stderr)
                    if number:  # the first is for warming up
                        found[streams].append(measured)
    keep(
        "streams",
        {"delay_ms": arguments.delay_ms} | {f"{streams} streams": _figures(found[streams]) for streams in STREAMS},
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--delay-ms", type=float, default=10.0)
    return parser.parse_args()


def _figures(rounds: list[Round]) -> dict[str, dict[str, float]]:
    return {name: spread([getattr(each, name) for each in rounds]) for name in Round._fields}


async def _measure(address: str, pid: int, streams: int, tokens: int) -> Round:
    workers = children(pid)
    before = _cpu_us(pid), sum(map(_cpu_us, workers)), time.process_time_ns() / 1e3, time.perf_counter()
    await asyncio.gather(*(_read_stream(address, tokens) for _ in range(streams)))
    after = _cpu_us(pid), sum(map(_cpu_us, workers)), time.process_time_ns() / 1e3, time.perf_counter()
    server, engine, client, seconds = (late - early for early, late in zip(before, after, strict=True))
    total = streams * tokens
    return Round(server / total, engine / total, client / total, seconds / tokens * 1e3)


def _cpu_us(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_US


async def _read_stream(address: str, tokens: int) -> None:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = msgspec.json.encode(
        {
            "model": "fake",
            "messages": [{"role": "user", "content": "Which city is the capital of France?"}],
            "max_tokens": tokens,
            "ignore_eos": True,
            "stream": True,
        }
    )
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    last = b""
    while b"[DONE]" not in last:
        part = await reader.read(1 << 16)
        if not part:
            raise RuntimeError(f"the stream broke off: {last!r}")
        last = last[-16:] + part
    writer.close()


if __name__ == "__main__":
    main()
